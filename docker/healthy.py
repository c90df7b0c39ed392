#!/opt/puhui/bin/python
"""healthy URL: exit status 0 where it answers 200; shows the token of PUHUI_HTTP_TOKEN_FILE, as a scrape does."""

import os
import sys
import urllib.request
from pathlib import Path

token = Path(os.environ["PUHUI_HTTP_TOKEN_FILE"]).read_text("utf-8").strip()
question = urllib.request.Request(sys.argv[1], headers={"Authorization": f"Bearer {token}"})
try:
    with urllib.request.urlopen(question, timeout=3) as answer:
        print(answer.read(200).decode("utf-8", "replace").strip())
except OSError as error:  # also an answer that is not 200
    sys.exit(str(error))
