import type { ListFilter, PaymentStore } from '@titan/payments'
import type { Hono } from 'hono'
import { answerPage } from '../http/response.ts'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import type { AppEnv } from '../middleware/frame.ts'
import { presentPayment } from '../present.ts'
import { paymentQuery, type PaymentQuery } from '../schemas/payments.ts'
import { validateQuery } from '../http/validate.ts'

/** `GET /payments`: newest first, page by page; new payments never shift the pages after the first. */
export function mountList(app: Hono<AppEnv>, payments: Pick<PaymentStore, 'page'>): void {
  app.get('/payments', async (context) => {
    const { searchParams } = new URL(context.req.url)
    const { limit, cursor, ...query } = validateQuery(paymentQuery, searchParams)
    const after = cursor === undefined ? {} : { after: decodeCursor(cursor, query) }
    const { payments: found, next } = await payments.page({ ...filterOf(query), ...after, limit })
    return answerPage(
      context,
      found.map(presentPayment),
      next === undefined ? null : encodeCursor(next, query),
    )
  })
}

function filterOf(query: Omit<PaymentQuery, 'limit' | 'cursor'>): ListFilter {
  const { status, idempotency_key: idempotencyKey, needs_review: needsReview } = query
  const { min_amount: minAmount, max_amount: maxAmount } = query
  const { created_after: createdAfter, created_before: createdBefore } = query
  return {
    ...(status === undefined ? {} : { status }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(needsReview === undefined ? {} : { needsReview }),
    ...(minAmount === undefined ? {} : { minAmount }),
    ...(maxAmount === undefined ? {} : { maxAmount }),
    ...(createdAfter === undefined ? {} : { createdAfter }),
    ...(createdBefore === undefined ? {} : { createdBefore }),
  }
}
