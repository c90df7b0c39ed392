#!/usr/bin/env bash
# Install what the tests with real parts need, as far as it is absent: a Java runtime, Apache Kafka's
# jars, PostgreSQL 15 or newer, Prometheus, Alertmanager, nginx, kcat, faketime, openssl, Chromium and a Chinese font.
# Says nothing when everything is there. For Debian; elsewhere it names what is missing.
#
#   PUHUI_KAFKA=…   folder for Kafka's jars (default: ${XDG_CACHE_HOME:-~/.cache}/puhui/kafka-VERSION)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
pom=$here/kafka-pom.xml
kafka_version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$pom")
jars=${PUHUI_KAFKA:-${XDG_CACHE_HOME:-$HOME/.cache}/puhui/kafka-$kafka_version}

has() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
has_kafka() { [ -f "$jars/kafka_2.13-$kafka_version.jar" ] && [ -f "$jars/kafka-tools-$kafka_version.jar" ]; }
has_java() {
    local major
    major=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/.*java.specification.version = //p')
    [ "${major%%.*}" -ge 17 ] 2>/dev/null
}
has_postgres() {
    local initdb
    for initdb in "$(command -v initdb || true)" /usr/lib/postgresql/*/bin/initdb; do
        if [ -x "$initdb" ] && [ "$("$initdb" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 15 ]; then
            return 0
        fi
    done
    return 1
}
has_chinese_font() { has fc-list && [ -n "$(fc-list :lang=zh-cn 2>/dev/null | head -c 1)" ]; }

packages=() services=()
has_java || packages+=(default-jdk-headless)
has_kafka || has mvn || packages+=(maven)
has_postgres || { packages+=(postgresql); services+=(postgresql); }
has promtool || { packages+=(prometheus); services+=(prometheus prometheus-node-exporter); }
has prometheus-alertmanager || has alertmanager || { packages+=(prometheus-alertmanager); services+=(prometheus-alertmanager); }
has nginx || { packages+=(nginx-light); services+=(nginx); }
has kcat || packages+=(kcat)
has faketime || packages+=(faketime)
has openssl || packages+=(openssl)
has chromium || has chromium-browser || packages+=(chromium)
has_chinese_font || packages+=(fontconfig fonts-noto-cjk)

install() {
    local root=()
    if ! has apt-get; then
        echo "missing, and there is no apt-get to install it: ${packages[*]}" >&2
        exit 1
    fi
    if [ "$(id -u)" != 0 ]; then
        has sudo || { echo "missing, and only root can install it: apt-get install ${packages[*]}" >&2; exit 1; }
        root=(sudo)
    fi
    echo "installing ${packages[*]}"
    local quiet=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    "${root[@]}" "${quiet[@]}" update
    "${root[@]}" "${quiet[@]}" install --yes --no-install-recommends "${packages[@]}" >/dev/null
    stop_services "${root[@]}"
}

# Debian starts a server as soon as it is installed. The tests start their own, so the ones that were
# installed just now (and no others) are stopped.
stop_services() {
    local service
    for service in "${services[@]}"; do
        if [ -d /run/systemd/system ]; then
            "$@" systemctl disable --now "$service" >/dev/null 2>&1 || true
        elif [ -x "/etc/init.d/$service" ]; then
            "$@" "/etc/init.d/$service" stop >/dev/null 2>&1 || true
        fi
    done
}

# The folder appears only when it is complete.
fetch_kafka() {
    echo "fetching Apache Kafka $kafka_version into $jars"
    mkdir -p "$(dirname "$jars")"
    local unfinished
    unfinished=$(mktemp -d "$jars.XXXXXX")
    mvn --batch-mode --quiet --no-transfer-progress --strict-checksums -Dstyle.color=never -f "$pom" \
        dependency:copy-dependencies -DoutputDirectory="$unfinished" || { rm -rf "$unfinished"; exit 1; }
    rm -rf "$jars"
    chmod 755 "$unfinished"
    mv -T "$unfinished" "$jars"
}

if [ ${#packages[@]} -gt 0 ]; then install; fi
if ! has_kafka; then fetch_kafka; fi
