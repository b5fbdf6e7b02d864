#!/bin/sh
# Makes what docker-compose.yml asks for, once: random passwords and keys in secrets/, each file readable by its owner
# alone, and .env with the user that the containers who read them run as. What is there is never overwritten.
set -eu
umask 077
cd "$(dirname "$0")/.."

# Containers run as whoever owns the files; never as root, so root gives them to a user of no other use.
uid=$(id -u)
gid=$(id -g)
if [ "$uid" = 0 ]; then
  uid=10001
  gid=10001
fi

say() {
  printf '%s\n' "$*" >&2
}

# keep NAME: writes standard input to secrets/NAME, where there is no such file yet.
keep() {
  if [ -e "secrets/$1" ]; then
    cat >/dev/null
    say "保留 / kept: secrets/$1"
    return
  fi
  cat >"secrets/.$1.new"
  if [ ! -s "secrets/.$1.new" ]; then
    say "无法生成 / could not be made: secrets/$1"
    exit 1
  fi
  chmod 600 "secrets/.$1.new"
  if [ "$(id -u)" = 0 ]; then
    chown "$uid:$gid" "secrets/.$1.new"
  fi
  mv "secrets/.$1.new" "secrets/$1"
  say "生成 / made: secrets/$1"
}

random() {
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

if [ -e .env ] && ! grep -q '^SECRETS_UID=[1-9]' .env; then
  say ".env 已存在但没有 SECRETS_UID，请补上 SECRETS_UID 和 SECRETS_GID（secrets/ 所有者）/" \
    ".env is there without SECRETS_UID: add SECRETS_UID and SECRETS_GID, those of the owner of secrets/"
  exit 1
fi

mkdir -p secrets
chmod 700 secrets
if [ "$(id -u)" = 0 ]; then
  chown "$uid:$gid" secrets
fi

for name in postgres_password worker_password web_password pseudonym_key grafana_password; do
  random | keep "$name"
done
for role in worker web; do
  printf 'postgresql://credit_monitor_%s:%s@postgres:5432/credit_monitor\n' "$role" "$(cat "secrets/${role}_password")" |
    keep "${role}_database_url"
done

if [ ! -e .env ]; then
  printf 'SECRETS_UID=%s\nSECRETS_GID=%s\n' "$uid" "$gid" >.env
  say "生成 / made: .env"
fi
say "请把 secrets/pseudonym_key 另行备份，与数据分开 / back up secrets/pseudonym_key, apart from the data"
