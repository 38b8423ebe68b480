import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import type { DashboardEnv } from './access.ts'
import type { Assets } from './assets.ts'
import { formatCount, formatNumber } from './markup/format.ts'
import { layout, type Frame, type Section, type Viewer } from './markup/layout.ts'
import type { Html } from './markup/parts.ts'
import { pathTo } from './paths.ts'
import type { ObservedQueue } from './queues.ts'
import { attempt, type Reads } from './reads.ts'

/** A page without the frame around it. */
export interface Page {
  readonly section: Section
  readonly title: string
  readonly content: Html
  readonly isLive?: boolean
  readonly status?: number
}

/** Makes whole pages. */
export interface Renderer {
  /** What the browser may load and do on a page, as a header. */
  readonly policy: string
  viewerOf(context: Context<DashboardEnv>): Viewer
  render(context: Context<DashboardEnv>, page: Page): Promise<Response>
}

/** Texts after an act, by the value in the query. Text from outside never enters a page. */
const NOTICES: Readonly<Record<string, string>> = {
  paused: 'The queue is paused. Running jobs finish; no new job starts.',
  resumed: 'The queue is running.',
  redriven: 'Done. The audit record shows how many became ready again.',
  deleted: 'Done. The audit record shows how many were deleted.',
  resolved: 'The decision is stored.',
  'looked-up': 'The gateway was asked. Its response is in the history.',
  'signed-in': 'You are signed in.',
  'signed-out': 'You are signed out.',
}

/** Creates the frame of all pages. */
export function createRenderer({
  assets,
  reads,
  queues,
  isOpen,
}: {
  readonly assets: Assets
  readonly reads: Reads
  readonly queues: readonly ObservedQueue[]
  /** Whether all may see all. */
  readonly isOpen: boolean
}): Renderer {
  const assetsPath = pathTo(['assets', assets.version])
  const importMap = JSON.stringify({
    imports: { idiomorph: `${assetsPath}/idiomorph.js`, uplot: `${assetsPath}/uplot.js` },
  })
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'sha256-${createHash('sha256').update(importMap).digest('base64')}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

  function viewerOf(context: Context<DashboardEnv>): Viewer {
    const session = context.get('session')
    const theme = getCookie(context, 'titan_theme')
    return {
      name: session?.operator,
      role: session?.role,
      formToken: session?.role === 'admin' ? session.formToken : undefined,
      seesDetails: context.get('seesDetails') ?? isOpen,
      theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    }
  }

  async function readBadges(): Promise<Frame['badges']> {
    const [parked, ...stats] = await Promise.all([
      attempt(reads.totals()),
      ...queues.map((queue) => attempt(reads.stats(queue))),
    ])
    const dead = stats.reduce((sum, reading) => sum + ('value' in reading ? reading.value.dead : 0), 0)
    const review = 'value' in parked ? parked.value.review : undefined
    return {
      reviews: review === undefined || review.value === 0 ? undefined : formatCount(review),
      'dead-letters': dead === 0 ? undefined : formatNumber(dead),
    }
  }

  return {
    policy,
    viewerOf,
    async render(context, { status = 200, ...page }) {
      // A viewer without access gets no numbers either.
      const badges = status === 200 && page.section !== 'sign-in' ? await readBadges() : {}
      const notice = NOTICES[context.req.query('done') ?? '']
      const frame: Frame = { viewer: viewerOf(context), assetsPath, importMap, badges, notice }
      const body = await layout(frame, page)
      return context.html(body, status as 200)
    },
  }
}
