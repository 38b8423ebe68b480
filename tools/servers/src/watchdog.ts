import { spawn } from 'node:child_process'

// Blocks on a pipe that only the parent holds. A line means "released"; end of file means that the parent is
// gone, so the server is stopped, killed if need be, and its temporary folder removed.
const SCRIPT = `
trap '' INT TERM HUP QUIT
if read -r line; then exit 0; fi
kill -s "$2" "$1" 2>/dev/null
tries=0
while kill -0 "$1" 2>/dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -gt 100 ]; then kill -s KILL "$1" 2>/dev/null; break; fi
  sleep 0.1
done
if [ -n "$3" ]; then rm -rf -- "$3"; fi
`

/**
 * Starts a small shell process that ends `pid` with `signal` when this process dies, however hard, and then
 * removes `folder` if one is given. Does nothing on Windows, where the next start cleans up.
 */
export function guard(pid: number, signal: 'SIGINT' | 'SIGTERM', folder = '') {
  if (process.platform === 'win32') return { release() {} }
  const watcher = spawn('/bin/sh', ['-c', SCRIPT, 'sh', String(pid), signal.slice('SIG'.length), folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Without a shell there is no watchdog; the next start cleans up.
  watcher.on('error', () => {})
  watcher.stdin.on('error', () => {})
  return {
    /** Ends the watch, because the server has ended. */
    release: () => void watcher.stdin.end('released\n'),
  }
}
