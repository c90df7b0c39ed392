#!/usr/bin/env bash
# docker/prepare.sh [FOLDER]: make the secrets that are missing, each in a file of its own, by chance. The
# folder (default: docker/secrets) is closed to everybody else; the files in it are readable, because the
# users of the containers, who get one or two of them each, are not those of this machine. Only the password
# of the mail server has to be put in by hand: smtp_password.
set -euo pipefail
umask 077
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"

secret() { # NAME TEXT: keeps what is there
    if [ ! -e "$folder/$1" ]; then
        printf '%s\n' "$2" >"$folder/$1"
        chmod 444 "$folder/$1"
    fi
}
random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

for name in postgres_password puhui_password reader_password chain_key http_token grafana_password smtp_password; do
    secret "$name" "$(random)"
done
secret door_header "proxy_set_header Authorization \"Bearer $(cat "$folder/http_token")\";"
secret store_of_workers "postgresql://puhui:$(cat "$folder/puhui_password")@postgres/puhui"
secret store_of_readers "postgresql://puhui_reader:$(cat "$folder/reader_password")@postgres/puhui"
