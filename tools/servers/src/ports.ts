import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** The only address local servers listen on. */
export const LOOPBACK = '127.0.0.1'

/** Finds a free TCP port of the loopback address. The caller must expect to lose the race for it. */
export async function findFreePort(): Promise<number> {
  const [port] = await findFreePorts(1)
  return port ?? 0
}

/** Finds free TCP ports of the loopback address, all different. */
export async function findFreePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, LOOPBACK))
  await Promise.all(probes.map((probe) => once(probe, 'listening')))
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port)
  await Promise.all(probes.map((probe) => once(probe.close(), 'close')))
  return ports
}

/** Whether nothing listens on this port of the loopback address now. */
export async function isPortFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, LOOPBACK, () => probe.close(() => resolve(true)))
  })
}
