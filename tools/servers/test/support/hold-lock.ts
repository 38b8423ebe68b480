// Claims the file that the first argument names, starts a child process, prints its id, and waits to be killed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { acquireLock } from '../../src/lockfile.ts'

const lock = await acquireLock(process.argv[2] ?? '', 'The test folder')
const server = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
await once(server, 'spawn')
lock.record(server.pid ?? 0, 'SIGTERM')
process.stdout.write(`${server.pid}\n`)
