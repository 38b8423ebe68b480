import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** `viewer` sees; `admin` also acts. */
export type Role = 'viewer' | 'admin'

/** Somebody who signed in. */
export interface Session {
  readonly name: string
  readonly role: Role
  /** Epoch milliseconds. */
  readonly endsAt: number
  /** Makes two sessions of one person differ. */
  readonly nonce: string
}

/** Signs sessions, so that nothing of them has to be kept here. */
export interface Sessions {
  /** The value of the cookie. */
  seal(session: Omit<Session, 'nonce'>): string
  /** The session of a cookie; undefined when it was not signed here, was altered or has ended. */
  open(cookie: string | undefined): Session | undefined
  /** The token that every form of the session carries. */
  formTokenOf(session: Session): string
}

/** Sessions under a key. With the same key they outlive a restart, and a change of the key ends them all. */
export function createSessions(key: Buffer): Sessions {
  const sign = (text: string): string => createHmac('sha256', key).update(text).digest('base64url')
  return {
    seal(session) {
      const content = { ...session, nonce: randomBytes(12).toString('base64url') }
      const body = Buffer.from(JSON.stringify(content)).toString('base64url')
      return `${body}.${sign(`session ${body}`)}`
    },
    open(cookie) {
      const [body = '', signature = ''] = cookie?.split('.') ?? []
      if (!isSame(signature, sign(`session ${body}`))) return undefined
      const session = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Session
      return session.endsAt > Date.now() ? session : undefined
    },
    formTokenOf: ({ nonce }) => sign(`form ${nonce}`),
  }
}

/** The key of the sessions: of the admin token if there is one, else of this process. */
export function sessionKeyOf(adminToken: string | undefined): Buffer {
  if (adminToken === undefined) return randomBytes(32)
  return createHmac('sha256', adminToken).update('titan dashboard sessions').digest()
}

/** Whether two texts are the same, in a time that tells nothing of either. */
export function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
