import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import { tenantOf, type DashboardEnv } from '../access/access.ts'
import { formatCount, formatNumber } from '../markup/format.ts'
import { layout, type Page, type Viewer } from '../markup/layout.ts'
import { attempt, type ObservedQueue, type Reads } from '../reads/reads.ts'
import { pathTo } from './paths.ts'
import type { Assets } from './static-file.ts'

/** Texts after an act, by the value in the query. Text from outside never enters a page. */
const NOTICES: ReadonlyMap<string, string> = new Map([
  ['paused', 'The queue is paused. Running jobs finish; no new job starts.'],
  ['resumed', 'The queue is running.'],
  ['redriven', 'Done. The audit record shows how many became ready again.'],
  ['deleted', 'Done. The audit record shows how many were deleted.'],
  ['resolved', 'The decision is stored.'],
  ['refund', 'The refund is accepted. Workers send it to the gateway.'],
  ['capture', 'The capture is accepted. Workers send it to the gateway.'],
  ['void', 'The release is accepted. Workers send it to the gateway.'],
  ['looked-up', 'The gateway was asked. Its response is in the history.'],
  ['redelivered', 'The delivery is due again.'],
  ['signed-in', 'You are signed in.'],
  ['signed-out', 'You are signed out.'],
])

/** What the frame of all pages needs. */
interface RendererOptions {
  readonly assets: Assets
  readonly readsOf: (context: Context<DashboardEnv>) => Reads
  readonly queues: readonly ObservedQueue[]
  /** Whether no key is required, so that everyone sees all. */
  readonly isOpen: boolean
}

/** Makes whole pages. */
export class Renderer {
  /** What the browser may load and do on a page, as a header. */
  readonly policy: string
  readonly #options: RendererOptions
  readonly #assetsPath: string
  readonly #importMap: string

  constructor(options: RendererOptions) {
    this.#options = options
    const path = pathTo(['assets', options.assets.version])
    this.#assetsPath = path
    this.#importMap = JSON.stringify({
      imports: { idiomorph: `${path}/idiomorph.js`, uplot: `${path}/uplot.js` },
    })
    this.policy = [
      "default-src 'none'",
      `script-src 'self' 'sha256-${createHash('sha256').update(this.#importMap).digest('base64')}'`,
      "style-src 'self'",
      "img-src 'self'",
      "connect-src 'self'",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; ')
  }

  viewerOf(context: Context<DashboardEnv>): Viewer {
    const session = context.get('session')
    const tenant = tenantOf(context)
    const isOperator = context.get('seesEvidence') ?? this.#options.isOpen
    const theme = getCookie(context, 'titan_theme')
    return {
      name: session?.operator,
      role: session?.role,
      formToken: session?.role === 'viewer' ? undefined : session?.formToken,
      tenant,
      seesDetails: isOperator || tenant !== undefined,
      seesUrls: context.get('seesUrls') ?? false,
      seesEvidence: isOperator,
      theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    }
  }

  async render(context: Context<DashboardEnv>, page: Page, status = 200): Promise<Response> {
    // A viewer without access gets no numbers either.
    const viewer = this.viewerOf(context)
    const hasBadges = status === 200 && page.section !== 'sign-in' && viewer.tenant === undefined
    const badges = hasBadges ? await this.#readBadges(context) : {}
    const frame = {
      viewer,
      assetsPath: this.#assetsPath,
      importMap: this.#importMap,
      badges,
      notice: NOTICES.get(context.req.query('done') ?? ''),
    }
    return context.html(await layout(frame, page), status as 200)
  }

  async #readBadges(context: Context<DashboardEnv>) {
    const { readsOf, queues } = this.#options
    const reads = readsOf(context)
    const [totals, ...stats] = await Promise.all([
      attempt(reads.totals()),
      ...queues.map((queue) => attempt(reads.stats(queue))),
    ])
    const review = 'value' in totals ? totals.value.review : undefined
    const dead = stats.reduce((sum, reading) => sum + ('value' in reading ? reading.value.dead : 0), 0)
    return {
      reviews: review && review.value > 0 ? formatCount(review) : undefined,
      'dead-letters': dead > 0 ? formatNumber(dead) : undefined,
    }
  }
}
