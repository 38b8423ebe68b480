/** A `Host` header as browsers write it: a name or an address, and a port. */
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i
const ADDRESS = /^127(?:\.\d{1,3}){3}$/

/** Returns the name in a `Host` header, in lower case and without port and final dot; undefined when it is malformed. */
export function hostNameOf(header: string): string | undefined {
  return HOST.exec(header)?.[1]?.toLowerCase().replace(/\.$/, '')
}

/**
 * Reports whether a host name, or an address to listen on, belongs to this machine alone. A page of another site can lead its
 * own name to a loopback address, but a browser still sends that name (DNS rebinding).
 */
export function isLoopback(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '[::1]' ||
    name === '::1' ||
    ADDRESS.test(name)
  )
}
