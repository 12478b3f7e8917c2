#!/bin/sh
# Makes the database on an empty volume, by the environment that the official image knows, and then becomes the server.
set -eu

say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }

# from_file NAME [DEFAULT]: NAME, or what stands in the file that NAME_FILE names.
from_file() {
  eval "value=\${$1-} file=\${${1}_FILE-}"
  [ -z "$value" ] || [ -z "$file" ] || fail "error: both $1 and ${1}_FILE are set (but are exclusive)"
  [ -z "$file" ] || value=$(cat "$file")
  value=${value:-${2-}}
  export "$1=$value"
  unset "${1}_FILE"
}

# The machine's own programs, newest first, where the image has none.
find_programs() {
  if command -v initdb >/dev/null && command -v postgres >/dev/null; then return; fi
  for folder in $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* 2>/dev/null | sort -rV); do
    if [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ]; then export PATH="$folder:$PATH"; return; fi
  done
  fail "error: there is no PostgreSQL in this image and none on this machine. Run: knarr image add postgres"
}

# PostgreSQL refuses root. The owner of the volume is changed only where it is someone else.
become_postgres() {
  for folder in "$PGDATA" /var/run/postgresql; do
    mkdir -p "$folder"
    find "$folder" \! -user postgres -exec chown postgres:999 '{}' +
  done
  chmod 700 "$PGDATA"
  exec setpriv --reuid=999 --regid=999 --clear-groups "$0" "$@"
}

require_name() {
  id -un >/dev/null 2>&1 && return
  echo "postgres-$(id -u):x:$(id -u):$(id -g)::/tmp:/bin/sh" >>/etc/passwd 2>/dev/null ||
    fail "error: user $(id -u) has no name in /etc/passwd, and initdb wants one. Run as user 999, or in group 0."
}

require_password() {
  case "${POSTGRES_HOST_AUTH_METHOD-}:$POSTGRES_PASSWORD" in
    trust:*)
      say "warning: POSTGRES_HOST_AUTH_METHOD is trust: anyone who reaches the port can be any user" ;;
    *:) fail 'Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".

       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
       connections without a password. This is *not* recommended.

       See PostgreSQL documentation about "trust":
       https://www.postgresql.org/docs/current/auth-trust.html' ;;
  esac
}

# sql DATABASE: runs what comes on standard input. psql where the machine has it, as only it knows commands such as \connect.
sql() {
  if command -v psql >/dev/null; then
    PGHOST= PGHOSTADDR= psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password --quiet --host "$socket" --username "$POSTGRES_USER" --dbname "$1" -f - >/dev/null
  else
    node /opt/knarr/sql.js "$socket" "$POSTGRES_USER" "$1"
  fi
}

run_scripts() {
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh) if [ -x "$file" ]; then say "$0: running $file"; "$file"; else say "$0: sourcing $file"; . "$file"; fi ;;
      *.sql) say "$0: running $file"; sql "$POSTGRES_DB" <"$file" ;;
      *.sql.gz) say "$0: running $file"; gunzip -c "$file" | sql "$POSTGRES_DB" ;;
      */\*) ;;
      *) say "$0: ignoring $file" ;;
    esac
  done
}

# The database is made in a folder of its own, moved into place at the end, PG_VERSION last: one that was left half made is made anew.
make_database() {
  # The first process of a container hears only signals that it asked for. `exec` forgets these.
  trap 'exit 130' INT
  trap 'exit 143' TERM
  require_password
  require_name
  target=$PGDATA
  if [ -d "$target/.making" ]; then find "$target" -mindepth 1 -delete; fi
  [ -z "$(ls -A "$target")" ] || fail "error: $target is neither empty nor a database (a mount point's own files? set PGDATA to a folder below it)"
  export PGDATA="$target/.making"
  initialise
  fill
  for entry in "$PGDATA"/*; do [ "${entry##*/}" = PG_VERSION ] || mv "$entry" "$target/"; done
  mv "$PGDATA/PG_VERSION" "$target/"
  rmdir "$PGDATA"
  export PGDATA="$target"
  say "PostgreSQL init process complete; ready for start up."
}

initialise() {
  eval "set -- ${POSTGRES_INITDB_ARGS-}"
  if [ -n "${POSTGRES_INITDB_WALDIR-}" ]; then set -- --waldir "$POSTGRES_INITDB_WALDIR" "$@"; fi
  password=$(mktemp)
  printf '%s\n' "${POSTGRES_PASSWORD:-unused}" >"$password"
  initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --pwfile "$password" --auth-local trust --auth-host scram-sha-256 "$@"
  rm "$password"
  printf "\nlisten_addresses = '*'\n" >>"$PGDATA/postgresql.conf"
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
}

# Nobody else reaches the server while it is filled: it listens on a socket in a folder of its own.
fill() {
  socket=$(mktemp -d)
  pg_ctl -w -t 60 -l "$socket/log" -o "-c listen_addresses='' -c unix_socket_directories='$socket'" start >/dev/null || { cat "$socket/log" >&2; exit 1; }
  export PGHOST="$socket" PGUSER="$POSTGRES_USER" PGDATABASE="$POSTGRES_DB"
  [ "$POSTGRES_DB" = postgres ] || printf 'CREATE DATABASE "%s";\n' "$(printf %s "$POSTGRES_DB" | sed 's/"/""/g')" | sql postgres
  run_scripts
  unset PGHOST PGUSER PGDATABASE
  pg_ctl -m fast -w stop >/dev/null
  rm -r "$socket"
}

case "${1-}" in -*) set -- postgres "$@" ;; esac
if [ "${1-}" = postgres ]; then
  find_programs
  if [ "$(id -u)" = 0 ]; then become_postgres "$@"; fi
  mkdir -p "$PGDATA"
  # A group that owns a volume (fsGroup) opens it wider than PostgreSQL allows. Someone else's folder is only ours below.
  chmod 700 "$PGDATA" 2>/dev/null || true
  from_file POSTGRES_PASSWORD
  from_file POSTGRES_USER postgres
  from_file POSTGRES_DB "$POSTGRES_USER"
  from_file POSTGRES_INITDB_ARGS
  if [ ! -s "$PGDATA/PG_VERSION" ]; then make_database; fi
  # Its socket, where the image's folder is not ours.
  if [ -w /var/run/postgresql ]; then sockets=/var/run/postgresql; else sockets=/tmp; fi
  shift
  set -- postgres -c "unix_socket_directories=$sockets" "$@"
fi
exec "$@"
