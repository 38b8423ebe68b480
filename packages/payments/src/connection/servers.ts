import { setTimeout as pause } from 'node:timers/promises'
import { codeOf, messageOf, nameOf } from '@titan/queue-core/text-of'
import type { Line } from './line.ts'
import { askRole, type Role } from './role.ts'
import { event, failure } from './socket.ts'
import type { DatabaseTarget, Server } from './url.ts'

/** A server of the URL. */
export interface ServerDescription {
  /** An old primary takes writes, although another one was promoted since. */
  readonly role: 'primary' | 'standby' | 'old primary' | 'unreachable'
  /** Its address and what it is, as a sentence without its end. */
  readonly text: string
}

/** What a server was asked: what it is, or why it did not say so. */
type Answer = Role | Error

/** A server that will do. */
interface Candidate extends Role {
  readonly server: Server
}

/** After the first server that will do, the others have this long to say that they are the newer primary, in milliseconds. */
const GRACE_MS = 250
/** A connection to a server that takes no writes is replaced at this age, in milliseconds: the next one may lead there again. */
const REPLACE_AFTER_MS = 1_000

/**
 * The servers that a database URL names, for all pools of a process that use it: where a new connection goes, and when
 * open ones are dropped because they lead to the wrong server.
 */
export class Servers {
  readonly #target: DatabaseTarget
  readonly #lines = new Set<Line>()
  /** Where connections go. */
  #chosen: Server | undefined
  /** The highest that a primary had. One with a lower one is an old primary, which must not be written to. */
  #timeline = 0
  /** The cluster that these timelines are of. */
  #cluster = ''
  #choosing: Promise<Server> | undefined

  constructor(target: DatabaseTarget) {
    this.#target = target
  }

  /** Whether a server that is silent can be left for another one. */
  get hasOthers(): boolean {
    return this.#target.servers.length > 1 && this.#target.requiresPrimary
  }

  /**
   * Returns the server of a new connection. With one that may be a standby, there is no choice; else a server is trusted for
   * as long as a connection to it is open, and all are asked when there is none.
   *
   * @throws Error `NO_PRIMARY` when no server will do, or what a server answers that knows the URL is wrong
   */
  async choose(): Promise<Server> {
    const { servers, requiresPrimary } = this.#target
    const [first] = servers
    if (servers.length === 1 && !requiresPrimary && first !== undefined) return first
    const chosen = this.#chosen
    if (chosen !== undefined && [...this.#lines].some(({ server }) => server === chosen)) return chosen
    return this.#find()
  }

  /** Asks all servers again before the next connection. */
  forget(): void {
    this.#chosen = undefined
  }

  add(line: Line): void {
    this.#lines.add(line)
    line.socket.on('close', () => this.#lines.delete(line))
  }

  /** Looks for another primary while a server owes an answer, and moves there. */
  suspect(): void {
    // Without one it is looked for again in a second.
    this.#find().catch(() => undefined)
  }

  /** Drops a connection whose server fell silent, and the idle ones to it that have heard nothing since. */
  giveUp(silent: Line, reason: Error): void {
    this.#chosen = undefined
    const idle = this.#linesTo(silent.server).filter((line) => line.isIdleSince(silent.owesSince))
    void drop(idle).then(() => silent.socket.destroy(reason))
  }

  /** Replaces the connections to a server that takes no writes, those in use as soon as they are free. */
  leave(server: Server): void {
    const before = performance.now() - REPLACE_AFTER_MS
    const old = this.#linesTo(server).filter(({ openedAt }) => openedAt < before)
    if (old.length > 0) this.#chosen = undefined
    for (const line of old) setImmediate(() => line.leave())
  }

  /** Replaces the connections to all of them. */
  leaveAll(): void {
    for (const server of this.#target.servers) this.leave(server)
  }

  /** Asks each server what it is. */
  async describe(): Promise<ServerDescription[]> {
    const answers = await this.#ask(() => false)
    return [...answers].map(([{ name }, answer]) => ({
      role: this.#roleOf(answer),
      text: `${name} ${this.#textOf(answer)}`,
    }))
  }

  #linesTo(server: Server): Line[] {
    return [...this.#lines].filter((line) => line.server === server)
  }

  #find(): Promise<Server> {
    this.#choosing ??= this.#chooseAmong().finally(() => {
      this.#choosing = undefined
    })
    return this.#choosing
  }

  async #chooseAmong(): Promise<Server> {
    const before = this.#chosen
    const answers = await this.#ask(
      (server, role) => server === before || !this.#target.requiresPrimary || role.timeline > this.#timeline,
    )
    if (this.#isReplaced(answers)) this.#timeline = 0
    const rank = ({ server, timeline }: Candidate): number =>
      (this.#target.requiresPrimary ? timeline : 0) + (server === before ? 0.5 : 0)
    const [best] = [...answers]
      .flatMap(([server, role]) =>
        role instanceof Error || !this.#willDo(role) ? [] : [{ server, ...role }],
      )
      .toSorted((a, b) => rank(b) - rank(a))
    if (best === undefined) throw this.#reasonAgainst(answers)
    this.#chosen = best.server
    this.#timeline = Math.max(this.#timeline, best.timeline)
    if (best.cluster !== '') this.#cluster = best.cluster
    const wrong = [...this.#lines].filter(({ server }) => this.hasOthers && server !== best.server)
    const reason = `PostgreSQL at ${wrong[0]?.server.name} was left, because ${best.server.name} is the primary`
    const isIdle = (line: Line): boolean => line.isIdle
    void drop(wrong.filter(isIdle)).then(() => {
      for (const { socket } of wrong) socket.destroy(failure('NO_PRIMARY', reason))
    })
    return best.server
  }

  /** Whether every server belongs to another cluster than before, whose timelines restart. */
  #isReplaced(answers: Map<Server, Answer>): boolean {
    const isOther = (answer: Answer): boolean =>
      !(answer instanceof Error) && answer.cluster !== '' && answer.cluster !== this.#cluster
    return answers.size === this.#target.servers.length && [...answers.values()].every(isOther)
  }

  #willDo({ isStandby, timeline }: Role): boolean {
    return !this.#target.requiresPrimary || (!isStandby && timeline >= this.#timeline)
  }

  /** Asks all servers, until all have answered or one that will do has decided it. */
  async #ask(decides: (server: Server, role: Role) => boolean): Promise<Map<Server, Answer>> {
    const answers = new Map<Server, Answer>()
    const decided = Promise.withResolvers<void>()
    const asked = this.#target.servers.map(async (server) => {
      try {
        const role = await askRole(this.#target, server)
        answers.set(server, role)
        if (this.#willDo(role) && decides(server, role)) decided.resolve()
      } catch (error) {
        answers.set(server, error instanceof Error ? error : new Error(messageOf(error)))
      }
    })
    await Promise.race([Promise.all(asked), decided.promise.then(() => pause(GRACE_MS))])
    // In the order of the URL, whatever came first.
    return new Map(
      this.#target.servers.flatMap((server) => {
        const answer = answers.get(server)
        return answer === undefined ? [] : [[server, answer] as const]
      }),
    )
  }

  #reasonAgainst(answers: Map<Server, Answer>): Error {
    // A password that is wrong does not become right by another try; but a server that is away may know it.
    const refusals = [...answers.values()].filter(isRefusal)
    const [refusal] = refusals
    if (refusal !== undefined && refusals.length === answers.size) return refusal
    const found = [...answers].map(([{ name }, answer]) => `${name} ${this.#textOf(answer)}`)
    return failure('NO_PRIMARY', `no primary among the servers of PostgreSQL: ${found.join('; ')}`)
  }

  #roleOf(answer: Answer): ServerDescription['role'] {
    if (answer instanceof Error) return 'unreachable'
    if (answer.isStandby) return 'standby'
    return answer.timeline < this.#timeline ? 'old primary' : 'primary'
  }

  /** Says what a server is, as the end of a sentence that begins with its name. */
  #textOf(answer: Answer): string {
    if (answer instanceof Error) return `failed (${messageOf(answer) || codeOf(answer)})`
    const role = this.#roleOf(answer)
    return `is ${role === 'standby' ? 'a' : role === 'primary' ? 'the' : 'an'} ${role}`
  }
}

/** Whether a server refuses the login or the database. */
function isRefusal(answer: Answer): answer is Error {
  return nameOf(answer) === 'PostgresError' && /^(28|3D|42)/.test(codeOf(answer))
}

/** Destroys sockets, and waits until they are closed: who hears of a failure may send the next statement at once. */
async function drop(lines: readonly Line[]): Promise<void> {
  const gone = lines.map(({ socket }) => event(socket, 'close'))
  for (const { socket } of lines) socket.destroy()
  await Promise.all(gone)
}
