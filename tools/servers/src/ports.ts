import { createServer } from 'node:net'

/** The only address local servers listen on. */
export const LOOPBACK = '127.0.0.1'

/** A TCP port of the loopback address that was free a moment ago; whoever uses it must expect to lose the race. */
export async function findFreePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, LOOPBACK, () => {
      const address = probe.address()
      probe.close(() => {
        if (address && typeof address === 'object') resolve(address.port)
        else reject(new Error('The probe socket has no port'))
      })
    })
  })
}

/** Whether nothing listens on this port of the loopback address now. */
export async function isPortFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, LOOPBACK, () => probe.close(() => resolve(true)))
  })
}
