"""普惠: an event-sourced monitor of inclusive finance with streaming alerts."""
