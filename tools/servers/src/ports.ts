import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { describeError } from './errors.ts'

/** The only address local servers listen on. */
export const LOOPBACK = '127.0.0.1'

const ATTEMPTS = 5

/** Finds a free TCP port of the loopback address. The caller must expect to lose the race for it. */
export async function findFreePort() {
  const [port = 0] = await findFreePorts(1)
  return port
}

/** Finds free TCP ports of the loopback address, all different. */
export async function findFreePorts(count: number) {
  const probes = Array.from({ length: count }, () => createServer().listen(0, LOOPBACK))
  await Promise.all(probes.map((probe) => once(probe, 'listening')))
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port)
  await Promise.all(probes.map((probe) => once(probe.close(), 'close')))
  return ports
}

/** Launches a server on a free port; on another one when another program takes it first. */
export async function onFreePort<Server>(
  launch: (port: number) => Promise<Server>,
  choosePort: () => Promise<number> = findFreePort,
): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launch(await choosePort())
    } catch (error) {
      const isTaken = /EADDRINUSE|address already in use|port is already allocated/iu.test(
        describeError(error),
      )
      if (!isTaken || attempt === ATTEMPTS) throw error
    }
  }
}

/** Reports whether nothing listens on this port of the loopback address now. */
export async function isPortFree(port: number) {
  try {
    const probe = createServer().listen(port, LOOPBACK)
    await once(probe, 'listening')
    await once(probe.close(), 'close')
    return true
  } catch {
    return false
  }
}
