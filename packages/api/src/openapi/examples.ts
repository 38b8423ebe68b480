const PAYMENT_ID = 'pay_019aa1b2c3d47e5f86a7b8c9d0e1f2a3'
const CREATED_AT = '2026-11-24T12:00:00.123Z'
const UPDATED_AT = '2026-11-24T12:00:01.456Z'

/** A payment that was just accepted. */
export const acceptedExample: object = {
  payment_id: PAYMENT_ID,
  amount: 500,
  status: 'PENDING',
  currency: 'USD',
  created_at: CREATED_AT,
}

/** The same payment a second later. */
export const paymentExample: object = {
  payment_id: PAYMENT_ID,
  amount: 500,
  status: 'SUCCESS',
  currency: 'USD',
  attempts: 1,
  created_at: CREATED_AT,
  updated_at: UPDATED_AT,
}

/** The first of its history. */
export const eventsExample: object = {
  data: [
    {
      event_id: 'evt_019aa1b2c3d47e5f86a7b8c9d0e1f2a3_1',
      sequence: 1,
      type: 'payment.created',
      from_status: null,
      to_status: 'PENDING',
      at: CREATED_AT,
    },
  ],
}

/** An endpoint that works. */
export const endpointExample: object = {
  endpoint_id: 'we_019aa1b2c3d47e5f86a7b8c9d0e1f2a3',
  url: 'https://shop.example/webhooks',
  description: 'the shop',
  event_types: ['payment.succeeded', 'payment.failed'],
  enabled: true,
  disabled_at: null,
  disabled_reason: null,
  failing_since: null,
  paused_until: null,
  old_secret_until: null,
  created_at: CREATED_AT,
  updated_at: CREATED_AT,
}

/** A secret of no endpoint. */
export const SECRET_EXAMPLE: string = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

/** A delivery that arrived. */
export const deliveryExample: object = {
  delivery_id: 'dlv_42',
  event_id: 'evt_019aa1b2c3d47e5f86a7b8c9d0e1f2a3_4',
  endpoint_id: 'we_019aa1b2c3d47e5f86a7b8c9d0e1f2a3',
  status: 'DELIVERED',
  attempts: 1,
  next_attempt_at: null,
  last_code: 204,
  last_error: null,
  created_at: UPDATED_AT,
  updated_at: UPDATED_AT,
}

/** One attempt of it. */
export const attemptExample: object = {
  attempt: 1,
  at: UPDATED_AT,
  duration_ms: 84,
  code: 204,
  error: null,
  detail: null,
  response: null,
}

/** The event that it delivers. */
export const webhookEventExample: object = {
  event_id: 'evt_019aa1b2c3d47e5f86a7b8c9d0e1f2a3_4',
  type: 'payment.succeeded',
  payment_id: PAYMENT_ID,
  at: UPDATED_AT,
  payload: {
    type: 'payment.succeeded',
    timestamp: UPDATED_AT,
    data: { payment_id: PAYMENT_ID, amount: 500, currency: 'USD', status: 'SUCCESS', sequence: 4 },
  },
}
