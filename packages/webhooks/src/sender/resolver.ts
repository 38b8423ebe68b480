import { lookup, Resolver } from 'node:dns/promises'

/** Finds the addresses of a host name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>

/** A resolver with its own sockets. */
export interface NameResolver {
  readonly resolve: Resolve
  /** Cancels the queries under way. Idempotent. */
  close(): void
}

const QUERY_TIMEOUT_MS = 2_000
const QUERY_TRIES = 2

/**
 * Creates a resolver that asks the name servers directly. The system's function (getaddrinfo) blocks one of the few threads
 * of the process until the name server of a dead domain times out, and all other look-ups wait.
 *
 * @param usesHostsFile ask the system too when the name servers know nothing: for names of the local network
 */
export function createNameResolver(usesHostsFile: boolean): NameResolver {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES })
  return {
    async resolve(hostname) {
      const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
      const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      if (addresses.length > 0) return addresses
      if (usesHostsFile) return (await lookup(hostname, { all: true })).map(({ address }) => address)
      const [first] = answers
      throw first.status === 'rejected' ? first.reason : new Error(`${hostname} has no address`)
    },
    close: () => resolver.cancel(),
  }
}
