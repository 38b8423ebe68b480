import { freezeTrees, killTrees, thawTrees } from './processes.ts'

/** A server of a topology: a machine that a test may switch off, stop and switch on again. */
export interface TopologyNode {
  readonly name: string
  /** It keeps its port when it starts again. */
  readonly port: number
  /** The process that all others of it descend from; undefined when none runs. */
  pid(): number | undefined
  /** Whether it runs and is not frozen. */
  isUp(): boolean
  /** Ends all of its processes with SIGKILL. Idempotent. */
  kill(): Promise<void>
  /** Sends SIGSTOP to all of its processes: it keeps its connections and answers nothing. */
  freeze(): void
  /** Sends SIGCONT to all of its processes. */
  thaw(): void
  /** Starts it again on its data. */
  start(): Promise<void>
}

/** A server that runs. */
export interface Running {
  readonly pid: number
  /** Resolves when it is gone and its folder is free. */
  readonly ended: Promise<unknown>
  /** Finds processes that belong to it and descend from another one. */
  readonly others?: () => readonly number[]
}

/** Makes a node of a server that runs. `launch` starts it again on the same port. */
export function createNode(
  name: string,
  port: number,
  first: Running,
  launch: () => Promise<Running>,
): TopologyNode {
  let current: Running | undefined
  let isFrozen = false

  function adopt(running: Running) {
    current = running
    isFrozen = false
    void running.ended.then(() => {
      if (current === running) current = undefined
    })
  }
  /** The processes from which all others descend. */
  function roots() {
    if (current === undefined) throw new Error(`${name} does not run`)
    return [current.pid, ...(current.others?.() ?? [])]
  }

  adopt(first)
  return {
    name,
    port,
    pid: () => current?.pid,
    isUp: () => current !== undefined && !isFrozen,
    async kill() {
      if (current === undefined) return
      const { ended } = current
      await killTrees(roots())
      await ended
    },
    freeze() {
      freezeTrees(roots())
      isFrozen = true
    },
    thaw() {
      thawTrees(roots())
      isFrozen = false
    },
    async start() {
      if (current === undefined) adopt(await launch())
    },
  }
}

/** Ends all nodes, frozen ones too. */
export async function stopAll(nodes: readonly TopologyNode[]) {
  await Promise.all(nodes.map((node) => node.kill()))
}

/** The node of this port. */
export function nodeAt<Node extends TopologyNode>(nodes: readonly Node[], port: number) {
  return nodes.find((node) => node.port === port)
}
