import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { LOOPBACK } from './ports.ts'
import type { RedisLaunch, RedisSource } from './redis-binary.ts'
import { spawnServer } from './server-process.ts'

const VERSION = '8-alpine'
const IMAGE = `redis:${VERSION}`
const ENGINE_TIMEOUT_MS = 10_000
const LOCAL_HOST = /^(?:unix|npipe|fd):|^tcp:\/\/(?:localhost|127\.0\.0\.1|\[::1\]):/u
const run = promisify(execFile)

/**
 * Finds Docker on this machine and fetches the Redis image. Throws with the reason when the engine does not answer,
 * runs elsewhere, or cannot get the image.
 */
export async function findRedisContainer(env: NodeJS.ProcessEnv): Promise<RedisSource> {
  const docker = async (args: readonly string[], timeout = 0) =>
    (await run('docker', args, { env, timeout })).stdout.trim()
  await docker(['version', '--format', '{{.Server.Version}}'], ENGINE_TIMEOUT_MS).catch((cause: unknown) => {
    throw new Error(`the container engine does not answer (${firstLine(cause)})`, { cause })
  })
  const host =
    env['DOCKER_HOST'] || (await docker(['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}']))
  if (!LOCAL_HOST.test(host)) throw new Error(`the container engine runs on another host, ${host}`)
  await docker(['pull', '--quiet', IMAGE]).catch((cause: unknown) => {
    throw new Error(`no image ${IMAGE} (${firstLine(cause)})`, { cause })
  })
  return { product: 'Redis', version: VERSION, start: (launch) => startContainer(launch, docker, env) }
}

/**
 * Runs Redis in a container that publishes its port on the loopback address. The server's folder is mounted at the same
 * path, and written under this process's own account. Docker's client passes signals on, so the container ends with it.
 */
async function startContainer(
  { folder, port, logFile, args }: RedisLaunch,
  docker: (args: readonly string[]) => Promise<string>,
  env: NodeJS.ProcessEnv,
) {
  const name = `titan-redis-${randomUUID()}`
  const user = process.getuid && process.getgid ? ['--user', `${process.getuid()}:${process.getgid()}`] : []
  const mount = ['--volume', `${folder.path}:${folder.path}`]
  const publish = ['--publish', `${LOOPBACK}:${port}:${port}`]
  // Inside, Redis listens on the container's own address.
  const address = [
    '--port',
    String(port),
    '--bind',
    '0.0.0.0',
    '--protected-mode',
    'no',
    '--cluster-announce-ip',
    LOOPBACK,
  ]
  const server = await spawnServer({
    command: 'docker',
    env,
    args: [
      'run',
      '--rm',
      '--name',
      name,
      ...publish,
      ...mount,
      ...user,
      IMAGE,
      'redis-server',
      ...address,
      ...args,
    ],
    logFile,
    stopSignal: 'SIGTERM',
    lock: folder.lock,
    temporaryFolder: folder.isTemporary ? folder.path : undefined,
  })
  const end = async (verb: readonly string[]) => {
    // A container that has ended by itself is gone.
    await docker([...verb, name]).catch(() => {})
    await server.kill()
  }
  return {
    exited: server.exited,
    logTail: server.logTail,
    stop: () => end(['stop', '--time', '10']),
    kill: () => end(['kill']),
  }
}

/** What the engine said, or why it could not be run. */
function firstLine(error: unknown) {
  const { code, stderr = '' } = error as { code?: unknown; stderr?: string }
  if (code === 'ENOENT') return 'there is no docker on PATH'
  return stderr.trim().split('\n')[0] || 'it did not respond in time'
}
