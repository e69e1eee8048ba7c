#!/bin/bash
# Asks this container's server whether it lives; bash alone, for an image without curl.
set -euo pipefail
exec 3<>"/dev/tcp/127.0.0.1/${API_PORT:-8000}"
printf 'GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
IFS= read -r -t 2 status <&3
[[ $status == 'HTTP/1.1 200'* ]]
