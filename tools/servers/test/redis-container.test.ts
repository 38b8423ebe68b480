import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openServerFolder } from '../src/folders.ts'
import { findFreePort } from '../src/ports.ts'
import { findRedisContainer } from '../src/redis-container.ts'
import { waitUntilReady } from '../src/server-process.ts'
import { createFolder } from './support/folder.ts'

/** A `docker` that runs no container: `run` becomes a server that only listens, `context` answers with `host`. */
function fakeDocker(host = 'unix:///var/run/docker.sock') {
  const folder = createFolder()
  const program = join(folder, 'docker')
  writeFileSync(
    program,
    `#!/bin/sh
echo "$*" >> ${folder}/calls
case "$1" in
  version) echo 28.5.1 ;;
  context) echo '${host}' ;;
  pull) [ ! -e ${folder}/no-image ] || { echo 'no such host' >&2; exit 1; } ;;
  run)
    echo $$ > ${folder}/pid
    while [ "$1" != --port ]; do shift; done
    exec "$NODE" -e 'net.createServer().listen(process.argv[1], "127.0.0.1")' "$2" ;;
  stop) kill "$(cat ${folder}/pid)" ;;
  kill) kill -9 "$(cat ${folder}/pid)" ;;
esac
`,
  )
  chmodSync(program, 0o755)
  const env = { PATH: `${folder}:${process.env['PATH']}`, NODE: process.execPath }
  return { folder, env, calls: () => readFileSync(join(folder, 'calls'), 'utf8') }
}

async function listens(port: number) {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
  return true
}

test.each(['stop', 'kill'] as const)('Redis in a container ends by %s', async (verb) => {
  const docker = fakeDocker()
  const source = await findRedisContainer(docker.env)
  const folder = await openServerFolder('Redis', undefined)
  onTestFinished(() => folder.close())
  const port = await findFreePort()
  const server = await source.start({ folder, port, logFile: join(folder.path, 'server.log'), args: [] })
  expect(await waitUntilReady(server, () => listens(port), 10_000)).toBeUndefined()
  // Nobody but this machine reaches it.
  expect(docker.calls()).toContain(`--publish 127.0.0.1:${port}:${port}`)
  await server[verb]()
  await server.exited
  expect(docker.calls()).toMatch(new RegExp(`^${verb} .*titan-redis-`, 'mu'))
})

test('an engine on another host is not used', async () => {
  await expect(findRedisContainer(fakeDocker('ssh://build-host').env)).rejects.toThrow(
    'the container engine runs on another host, ssh://build-host',
  )
})

test('without Docker, or without the image, the reason is said', async () => {
  await expect(findRedisContainer({ PATH: createFolder() })).rejects.toThrow('there is no docker on PATH')
  const { folder, env } = fakeDocker()
  writeFileSync(join(folder, 'no-image'), '')
  await expect(findRedisContainer(env)).rejects.toThrow('no image redis:8-alpine (no such host)')
})
