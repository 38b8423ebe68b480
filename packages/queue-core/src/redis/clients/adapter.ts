/** Where a node listens. */
export interface NodeAddress {
  readonly host: string
  readonly port: number
}

/** A client of the caller, whatever library it comes from. One file for each kind implements it. */
export interface ClientAdapter {
  /**
   * Sends one command over the caller's own connection, on a cluster to the master of `key`. Aborting `withdraw` takes it
   * back if it is not on its way yet: it then rejects with an error that `isNotSent` recognises, and is never sent.
   */
  send(key: string, args: string[], withdraw: AbortSignal): Promise<unknown>
  /** Finds the node that serves a key, as the client believes. */
  nodeOf(key: string): Promise<NodeAdapter>
  /** The nodes of a cluster that the client is connected to; none of a single server. */
  nodes(): readonly NodeAdapter[]
  /** Where a node of a cluster is reached from here, by the name that the cluster gives it. */
  addressOf(name: string): NodeAddress | undefined
  /** Learns from a node of the cluster which nodes serve it now, where the client does not by itself. */
  learnFrom?(node: NodeAdapter): void
  /** Asks Sentinels again before the next command, because the master is gone, silent or a replica, which replies `error`. */
  doubt?(error: Error): void
  /** Calls a listener each time that Sentinels name another master. Returns what ends that. */
  onMoved?(listener: () => void): () => void
}

/** One node, as the template for further connections. */
export interface NodeAdapter {
  /** `<host>:<port>` as the client knows it; undefined where the client knows a single server. */
  readonly name: string | undefined
  send(args: string[]): Promise<unknown>
  /**
   * Opens a separate connection with the node's options, at another address if given. It never reconnects, queues nothing
   * and has no time limits.
   */
  dial(options: DialOptions): Promise<Send>
}

export interface DialOptions {
  readonly address: NodeAddress | undefined
  /** Ends the connection at any time, also while it is being opened. */
  readonly signal: AbortSignal
  /** Gets the error that broke the connection; may be called more than once. */
  readonly onLost: (error: unknown) => void
}

/** Sends one command over a connection of the library's own. */
export type Send = (args: string[]) => Promise<unknown>
