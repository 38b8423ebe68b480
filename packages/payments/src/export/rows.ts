import { gatewayNameOf } from '../domain/accounts/place.ts'
import type { Movement } from '../domain/movement.ts'
import type { Payment } from '../domain/payment.ts'
import { formatCsvLine, type CsvValue } from './csv.ts'

/** The forms of an export: a table with a header, or a line of JSON for each row. */
export const EXPORT_FORMATS = ['csv', 'jsonl'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

type Value = CsvValue | Date | object

/** Formats a payment or refund; amounts are in minor units of its currency. */
export type Exporter<Item> = {
  /** The first line of a file: empty in the form that has none. */
  head(format: ExportFormat): string
  lines(items: readonly Item[], format: ExportFormat): string
}

function exporterOf<Item>(
  columns: Readonly<Record<string, (item: Item) => Value | undefined>>,
): Exporter<Item> {
  const entries = Object.entries(columns)
  const lineOf = (item: Item): string => formatCsvLine(entries.map(([, read]) => toCell(read(item))))
  const jsonOf = (item: Item): string => {
    const members = entries.map(([name, read]) => [name, read(item) ?? undefined])
    return `${JSON.stringify(Object.fromEntries(members))}\n`
  }
  return {
    head: (format) => (format === 'csv' ? formatCsvLine(Object.keys(columns)) : ''),
    lines: (items, format) => items.map(format === 'csv' ? lineOf : jsonOf).join(''),
  }
}

function toCell(value: Value | undefined): CsvValue {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}

/** Exports payments: what a client said, under the names of the API, and what became of it. */
export const PAYMENT_EXPORT: Exporter<Payment> = exporterOf<Payment>({
  payment_id: ({ id }) => id,
  account: ({ account }) => account,
  status: ({ status }) => status,
  amount: ({ amount }) => amount,
  currency: ({ currency }) => currency,
  idempotency_key: ({ idempotencyKey }) => idempotencyKey,
  payment_method: ({ details }) => details?.paymentMethod,
  customer: ({ details }) => details?.customer,
  reference: ({ details }) => details?.reference,
  description: ({ details }) => details?.description,
  statement_descriptor: ({ details }) => details?.statementDescriptor,
  metadata: ({ details }) => details?.metadata,
  capture: ({ capture }) => capture,
  customer_present: ({ customerPresent }) => customerPresent,
  return_url: ({ details }) => details?.returnUrl,
  priority: ({ priority }) => priority,
  execute_at: ({ executeAt }) => executeAt,
  expires_at: ({ expiresAt }) => expiresAt,
  amount_captured: ({ amountCaptured }) => amountCaptured,
  amount_refunded: ({ amountRefunded }) => amountRefunded,
  gateway: ({ gateway }) => gateway && gatewayNameOf(gateway),
  gateway_ref: ({ gatewayRef }) => gatewayRef,
  failure_code: ({ failureCode }) => failureCode,
  failure_kind: ({ failureKind }) => failureKind,
  attempts: ({ attemptNo }) => attemptNo,
  created_at: ({ createdAt }) => createdAt,
  updated_at: ({ updatedAt }) => updatedAt,
})

/** Exports refunds. */
export const REFUND_EXPORT: Exporter<Movement> = exporterOf<Movement>({
  refund_id: ({ id }) => id,
  payment_id: ({ paymentId }) => paymentId,
  account: ({ account }) => account,
  status: ({ status }) => status,
  amount: ({ amount }) => amount,
  currency: ({ currency }) => currency,
  idempotency_key: ({ idempotencyKey }) => idempotencyKey,
  reason: ({ reason }) => reason,
  gateway_ref: ({ gatewayRef }) => gatewayRef,
  failure_code: ({ failureCode }) => failureCode,
  failure_kind: ({ failureKind }) => failureKind,
  attempts: ({ attemptNo }) => attemptNo,
  created_at: ({ createdAt }) => createdAt,
  updated_at: ({ updatedAt }) => updatedAt,
})
