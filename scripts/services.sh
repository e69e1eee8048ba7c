#!/usr/bin/env bash
# The servers that the tests talk to: PostgreSQL, MariaDB and Redis on private ports of
# 127.0.0.1, with throw-away data, from installed binaries.
#
#   scripts/services.sh up            start what does not run yet, print the addresses
#   scripts/services.sh env           print the addresses: eval "$(scripts/services.sh env)"
#   scripts/services.sh down          stop them and delete their data
#   scripts/services.sh with CMD …    up, run CMD with the addresses set, down again
#
# A server whose address is given in TEST_POSTGRES_URL, TEST_MYSQL_URL or TEST_REDIS_URL
# is used as it is and never started, stopped or emptied.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
state=${SHARESTACK_SERVICES_DIR:-$root/target/services}
ports=$state/ports
lock_up=$state/lock       # held while servers start or stop
lock_users=$state/users   # held, shared, by every `with`
keep=$state/keep          # there when `up` was asked for: `with` then leaves the servers running
readonly need_seconds=60

say() { printf 'services: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

wanted() { # postgres|mysql|redis: ours to run?
  case $1 in
    postgres) [[ -z ${TEST_POSTGRES_URL:-} ]] ;;
    mysql) [[ -z ${TEST_MYSQL_URL:-} ]] ;;
    redis) [[ -z ${TEST_REDIS_URL:-} ]] ;;
  esac
}

# ---- what must be installed

postgres_bin() { # the newest PostgreSQL's programs; Debian keeps them off the PATH
  local found
  found=$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1 || true)
  [[ -n $found ]] || found=$(command -v initdb || true)
  [[ -n $found ]] && dirname "$found"
}

has_mail_server() { # what the tests of mail start themselves
  /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || python3 -c 'import aiosmtpd' 2>/dev/null
}

missing_packages() {
  wanted postgres && { postgres_bin >/dev/null || echo postgresql; }
  wanted mysql && { { command -v mariadbd && command -v mariadb-install-db && command -v mariadb; } >/dev/null ||
    echo mariadb-server-core mariadb-client-core; }
  wanted redis && { { command -v redis-server && command -v redis-cli; } >/dev/null || echo redis-server; }
  has_mail_server || echo python3-aiosmtpd
  command -v curl >/dev/null || echo curl
  command -v setpriv >/dev/null || echo util-linux
  return 0
}

install_missing() {
  local packages
  packages=$(missing_packages | tr '\n' ' ')
  packages=${packages% }
  [[ -n $packages ]] || return 0
  local line="apt-get update && apt-get install --yes --no-install-recommends $packages"
  if [[ ! -e /etc/debian_version ]] || ! command -v apt-get >/dev/null; then
    die "these programs are missing; install what your system calls: $packages"
  fi
  ((EUID == 0)) || die "missing: $packages. Install with: sudo sh -c '$line'"
  say "installing $packages"
  # A package's own server must not start on the standard port meanwhile.
  local policy=/usr/sbin/policy-rc.d made=
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    made=1
  fi
  local failed=
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # a list of names
  { apt-get -qq -o DPkg::Lock::Timeout=300 update &&
    apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends $packages; } >&2 || failed=1
  [[ -z $made ]] || rm -f "$policy"
  [[ -z $failed ]] || die "could not install: $packages"
  packages=$(missing_packages | tr '\n' ' ')
  [[ -z ${packages% } ]] || die "still missing after the installation: $packages"
}

# ---- where data lives, and who runs the servers

# PostgreSQL refuses root, so under root all three run as an unprivileged user.
service_user() {
  ((EUID == 0)) || return 0
  local name
  for name in postgres mysql redis nobody; do
    if id "$name" >/dev/null 2>&1; then
      echo "$name"
      return 0
    fi
  done
  die "no unprivileged user to run the servers as"
}

as_service() {
  if [[ -n $user ]]; then
    setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- env -C / HOME="$data" "$@"
  else
    env -C / "$@"
  fi
}

# Whatever it is told, MariaDB waits for the disk hundreds of times while the tables of one
# test are made.
has_memory() {
  local room limit
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || true)
  [[ ! $limit =~ ^[0-9]+$ || $limit -ge $((6 << 30)) ]] || return 1
  room=$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -n 1)
  [[ -w /dev/shm && ${room:-0} -ge 3072 ]] && awk '/^MemAvailable:/ { exit $2 < 4 * 1024 * 1024 }' /proc/meminfo
}

locate() { # sets user, tag, data
  mkdir -p "$state"
  user=$(service_user)
  tag=$(printf '%s' "$state" | cksum | cut -d ' ' -f 1)
  local memory=/dev/shm/sharestack-services-$tag elsewhere=/var/tmp/sharestack-services-$tag
  # Where it is, it stays until `down`.
  for data in "$memory" "$state/data" "$elsewhere"; do
    [[ ! -d $data ]] || return 0
  done
  if has_memory; then
    data=$memory
    # A clone below /root, say, cannot be entered by that user.
  elif [[ -z $user ]] || setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups test -x "$state" 2>/dev/null; then
    data=$state/data
  else
    data=$elsewhere
  fi
}

make_data() {
  if [[ ! -d $data ]]; then
    mkdir -m 700 "$data"
    [[ -z $user ]] || chown "$user" "$data"
  fi
  [[ -O $data || $(stat -c %U "$data") == "$user" ]] || die "$data belongs to somebody else"
}

# ---- processes: ended only by the pid file in our own data directory

pid_file() {
  case $1 in
    postgres) echo "$data/postgres/postmaster.pid" ;;
    mysql) echo "$data/mysql.pid" ;;
    redis) echo "$data/redis.pid" ;;
  esac
}

pid_of() { # prints the pid when that process is ours and runs
  local pid
  pid=$(head -n 1 "$(pid_file "$1")" 2>/dev/null || true)
  [[ $pid =~ ^[0-9]+$ && -r /proc/$pid/cmdline ]] || return 1
  # The number may have gone to another process since: ours name our directory.
  tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -e "$data" -e "redis-server 127.0.0.1:${port[redis]:-}" || return 1
  echo "$pid"
}

stop() {
  local pid signal=TERM
  pid=$(pid_of "$1") || return 0
  [[ $1 != postgres ]] || signal=INT # its "fast": does not wait for clients
  kill -"$signal" "$pid" 2>/dev/null || return 0
  for ((i = 0; i < 200; i++)); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.05
  done
  say "$1 (pid $pid) did not stop in 10 s: killing it"
  kill -KILL "$pid" 2>/dev/null || true
}

# ---- ports

declare -A port=()

load_ports() {
  local name number
  [[ -e $ports ]] || return 0
  while read -r name number; do
    [[ $name =~ ^(postgres|mysql|redis)$ && $number =~ ^[0-9]+$ ]] && port[$name]=$number
  done <"$ports"
}

save_ports() {
  local name
  for name in "${!port[@]}"; do echo "$name ${port[$name]}"; done >"$ports.new"
  mv "$ports.new" "$ports"
}

busy() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

choose_port() { # keeps the remembered one while it is free; stays below the ephemeral range
  local name=$1 candidate=${port[$1]:-0} other
  for ((try = 0; try < 200; try++)); do
    ((candidate)) || candidate=$((15000 + (RANDOM * 32768 + RANDOM) % 15000))
    for other in "${!port[@]}"; do
      [[ $other == "$name" || ${port[$other]} != "$candidate" ]] || candidate=0
    done
    if ((candidate)) && ! busy "$candidate"; then
      port[$name]=$candidate
      return 0
    fi
    candidate=0
  done
  die "found no free port"
}

# ---- the three servers

url() {
  case $1 in
    postgres) echo "${TEST_POSTGRES_URL:-postgres://sharestack:sharestack@127.0.0.1:${port[postgres]}/sharestack}" ;;
    mysql) echo "${TEST_MYSQL_URL:-mysql://sharestack:sharestack@127.0.0.1:${port[mysql]}/sharestack}" ;;
    redis) echo "${TEST_REDIS_URL:-redis://127.0.0.1:${port[redis]}/0}" ;;
  esac
}

mysql_socket() { echo "/tmp/sharestack-mariadb-$tag.sock"; } # a path in the clone may pass the limit of 107 bytes
mysql_root() { as_service mariadb --no-defaults --socket="$(mysql_socket)" --user=root "$@"; }

prepare() { # makes an empty data directory
  case $1 in
    postgres)
      as_service "$pg/initdb" --pgdata="$data/postgres" --username=sharestack --auth=trust \
        --encoding=UTF8 --locale=C --no-sync --no-instructions
      ;;
    mysql)
      as_service mariadb-install-db --no-defaults --datadir="$data/mysql" --auth-root-authentication-method=normal \
        --skip-test-db --skip-name-resolve --innodb-flush-method=nosync --innodb-log-file-size=32M
      ;;
    redis) ;;
  esac
}

launch() { # replaces this process by the server
  case $1 in
    postgres)
      as_service "$pg/postgres" -D "$data/postgres" -h 127.0.0.1 -p "${port[postgres]}" \
        -c unix_socket_directories= -c max_connections=400 -c shared_buffers=128MB \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 \
        -c autovacuum=off -c timezone=UTC
      ;;
    mysql)
      as_service mariadbd --no-defaults --datadir="$data/mysql" --pid-file="$(pid_file mysql)" \
        --socket="$(mysql_socket)" --bind-address=127.0.0.1 --port="${port[mysql]}" --skip-name-resolve \
        --max-connections=400 --character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci \
        --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --innodb-doublewrite=0 \
        --innodb-log-file-size=32M --innodb-buffer-pool-size=128M --skip-log-bin
      ;;
    redis)
      as_service redis-server --port "${port[redis]}" --bind 127.0.0.1 --dir "$data" --pidfile "$(pid_file redis)" \
        --save '' --appendonly no --databases 64 --daemonize no
      ;;
  esac
}

ready() {
  case $1 in
    postgres) "$pg/pg_isready" -q -h 127.0.0.1 -p "${port[postgres]}" ;;
    mysql) mysql_root --execute='SELECT 1' >/dev/null 2>&1 ;;
    redis) [[ $(redis-cli -h 127.0.0.1 -p "${port[redis]}" ping 2>/dev/null) == PONG ]] ;;
  esac
}

finish() { # the account and the database that the address names
  case $1 in
    postgres) as_service "$pg/createdb" -h 127.0.0.1 -p "${port[postgres]}" -U sharestack sharestack ;;
    mysql)
      mysql_root --execute="CREATE DATABASE sharestack;
        CREATE USER sharestack@'127.0.0.1' IDENTIFIED BY 'sharestack';
        GRANT ALL ON *.* TO sharestack@'127.0.0.1' WITH GRANT OPTION;"
      ;;
    redis) ;;
  esac
}

start() {
  local name=$1 log=$data/$1.log
  # What runs on a port that nobody remembers is of no use.
  [[ -n ${port[$name]:-} ]] && pid_of "$name" >/dev/null && ready "$name" && return 0
  stop "$name"
  rm -rf "${data:?}/$name" "$(pid_file "$name")"
  choose_port "$name"
  save_ports
  as_service touch "$log"
  prepare "$name" >"$log" 2>&1 || give_up "$name" "$log"
  # setsid: ^C in the terminal is for `with`, which then stops the server in order.
  launch_detached "$name" "$log"
  local deadline=$((SECONDS + need_seconds))
  until ready "$name"; do
    ((SECONDS < deadline)) || give_up "$name" "$log"
    kill -0 "$launched" 2>/dev/null || give_up "$name" "$log"
    sleep 0.1
  done
  finish "$name" >>"$log" 2>&1 || give_up "$name" "$log"
}

launch_detached() {
  # The locks must not live on in the server.
  (exec 8>&- 9>&-; trap '' INT HUP; launch "$1") >>"$2" 2>&1 </dev/null &
  launched=$!
  disown "$launched"
}

give_up() {
  tail -n 20 "$2" >&2 || true
  stop "$1"
  die "$1 did not start; its log: $2"
}

# ---- commands

up() {
  locate
  exec 9>"$lock_up"
  flock 9
  install_missing
  locate # an installed package may have brought the better user
  load_ports
  pg=$(postgres_bin || true)
  local name pids=()
  make_data
  for name in postgres mysql redis; do
    wanted "$name" || continue
    start "$name"
  done
  exec 9>&-
}

down() {
  locate
  exec 9>"$lock_up"
  flock 9
  load_ports
  local name
  for name in redis postgres mysql; do stop "$name"; done
  rm -rf "${data:?}" "$keep" "$(mysql_socket)"
  exec 9>&-
}

print_env() {
  locate
  load_ports
  local name
  for name in postgres mysql redis; do
    wanted "$name" && [[ -z ${port[$name]:-} ]] && die "$name is not up: run scripts/services.sh up"
    printf "export TEST_%s_URL='%s'\n" "${name^^}" "$(url "$name")"
  done
}

with() {
  (($#)) || die "with: what command?"
  locate
  exec 8>"$lock_users"
  flock -s 8
  # The last one out stops what no `up` asked for.
  trap 'flock -u 8; if [[ ! -e $keep ]] && flock -n -x 8; then down; fi' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  up
  eval "$(print_env)"
  local code=0
  "$@" 8>&- || code=$?
  exit "$code"
}

case ${1:-} in
  up)
    up
    touch "$keep"
    print_env
    ;;
  down) down ;;
  env) print_env ;;
  with)
    shift
    with "$@"
    ;;
  *)
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
