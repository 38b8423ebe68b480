// Types of the API, from its OpenAPI document: `pnpm run reference` writes them.
/* oxlint-disable */
/** `paths` of the OpenAPI document. */
export interface paths {
    readonly "/captures/{capture_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Read a capture */
        readonly get: operations["getCapture"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pay": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Create a payment
         * Needs an idempotency key, in the body or in the header. One key is one payment, permanently: repeat the request until there is a response; nothing is charged twice.
         */
        readonly post: operations["pay"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * List payments
         * Newest first, page by page. New payments never shift the pages after the first. `created_after` is inclusive and `created_before` exclusive; both find payments of servers whose clock agrees with the database to within five minutes. A page examines a bounded number of payments, so it may be short or empty while `has_more` is true: continue with `next_cursor`, or narrow the list by time.
         */
        readonly get: operations["listPayments"];
        readonly put?: never;
        /**
         * Create a payment (alias)
         * The same as `POST /pay`.
         */
        readonly post: operations["createPayment"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/{payment_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Read a payment
         * Ask again after `Retry-After` seconds while the payment is in progress; SUCCESS and FAILED are final.
         */
        readonly get: operations["getPayment"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/{payment_id}/action": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Complete the next action of a payment
         * For gateways that return a result with the customer, such as Adyen; others need none. The gateway gets it at once, and the response is the payment as it is then, perhaps with another `next_action`. Send the same result again after a lost response: it has no further effect.
         */
        readonly post: operations["completePaymentAction"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/{payment_id}/cancel": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Cancel a payment
         * Possible until its processing begins.
         */
        readonly post: operations["cancelPayment"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/{payment_id}/capture": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Capture an authorized payment
         * Charges what was authorized, or `amount` of it, once; the rest is released. The payment becomes SUCCESS when the gateway has done so.
         */
        readonly post: operations["capturePayment"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/{payment_id}/disputes": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * List the disputes about a payment
         * Oldest first, as the gateway reports them. They are answered at the gateway.
         */
        readonly get: operations["listPaymentDisputes"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/{payment_id}/events": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Read the history of a payment
         * In order: `sequence` counts from 1 without gaps. Of a longer history the latest 1000 entries are listed.
         */
        readonly get: operations["listPaymentEvents"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/{payment_id}/refunds": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * List the refunds of a payment
         * Oldest first. Of a longer list the first 1000 are shown; `GET /refunds` shows all.
         */
        readonly get: operations["listPaymentRefunds"];
        readonly put?: never;
        /**
         * Refund a payment
         * Returns all that is left, or `amount` of it; a payment can be refunded several times. Needs an idempotency key, which is unique within the payment: repeat the request until there is a response; nothing is refunded twice.
         */
        readonly post: operations["createRefund"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/{payment_id}/void": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Release an authorized payment
         * Nothing is charged. The payment becomes FAILED with the code `voided` when the gateway has done so. A payment that has not started is canceled instead, and a captured one refunded.
         */
        readonly post: operations["voidPayment"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/batch": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Create up to 500 payments
         * Up to 500 lines and 256 kB. `results` has the payment or the problem of each line, in their order, and is the same when the batch is sent again. A key that comes twice is a replay if both lines say the same; otherwise the later line is `idempotency-key-reused`. In a refused batch, lines without a fault have the problem `batch-refused`. Each line counts for the rate limit.
         */
        readonly post: operations["createPayments"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/export": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Export payments
         * The filters of the list. Only the first page has the header, so that pages put together are one file. A quote stands before what a spreadsheet would run as a formula. Amounts are in minor units.
         */
        readonly get: operations["exportPayments"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/payments/summary": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Sum up payments
         * By day or month of their creation, currency, status and gateway: the count and the exact sums. Currencies are never mixed.
         */
        readonly get: operations["summarizePayments"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/refunds": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * List refunds
         * Newest first, page by page, as `GET /payments`.
         */
        readonly get: operations["listRefunds"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/refunds/{refund_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Read a refund
         * Ask again after `Retry-After` seconds while it is in progress; SUCCESS and FAILED are final.
         */
        readonly get: operations["getRefund"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/refunds/export": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Export refunds
         * The filters of the list. Only the first page has the header, so that pages put together are one file. A quote stands before what a spreadsheet would run as a formula. Amounts are in minor units.
         */
        readonly get: operations["exportRefunds"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/voids/{void_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Read a void */
        readonly get: operations["getVoid"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-deliveries/{delivery_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Read a delivery and its attempts */
        readonly get: operations["getWebhookDelivery"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-deliveries/{delivery_id}/redeliver": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Send a delivery again */
        readonly post: operations["redeliverDelivery"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-endpoints": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the endpoints */
        readonly get: operations["listWebhookEndpoints"];
        readonly put?: never;
        /**
         * Create an endpoint
         * The response shows the signing secret, only once. Requests are signed as Standard Webhooks specifies.
         */
        readonly post: operations["createWebhookEndpoint"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-endpoints/{endpoint_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Read an endpoint */
        readonly get: operations["getWebhookEndpoint"];
        readonly put?: never;
        readonly post?: never;
        /** Delete an endpoint */
        readonly delete: operations["deleteWebhookEndpoint"];
        readonly options?: never;
        readonly head?: never;
        /** Change, disable or enable an endpoint */
        readonly patch: operations["updateWebhookEndpoint"];
        readonly trace?: never;
    };
    readonly "/webhook-endpoints/{endpoint_id}/deliveries": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * List the deliveries to an endpoint
         * Newest first, page by page. A page examines a bounded number of deliveries, so it may be short or empty while `has_more` is true: continue with `next_cursor`.
         */
        readonly get: operations["listEndpointDeliveries"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-endpoints/{endpoint_id}/redeliver": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Send the deliveries of a period again */
        readonly post: operations["redeliverToEndpoint"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-endpoints/{endpoint_id}/rotate-secret": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Give an endpoint a new secret
         * For a while requests are also signed with the old one.
         */
        readonly post: operations["rotateWebhookSecret"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-endpoints/{endpoint_id}/test": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Send a test event to an endpoint */
        readonly post: operations["testWebhookEndpoint"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-events": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the events */
        readonly get: operations["listWebhookEvents"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-events/{event_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Read an event */
        readonly get: operations["getWebhookEvent"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-events/{event_id}/deliveries": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the deliveries of an event */
        readonly get: operations["listEventDeliveries"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/webhook-events/{event_id}/redeliver": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Send an event again */
        readonly post: operations["redeliverEvent"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
}
/** `webhooks` of the OpenAPI document. */
export interface webhooks {
    readonly event: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Receive an event
         * Signed as Standard Webhooks specifies. Verify the bytes of the body before you parse them, respond at once, and ignore a `webhook-id` that you know.
         */
        readonly post: operations["receiveWebhook"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
}
/** `components` of the OpenAPI document. */
export interface components {
    schemas: {
        readonly AcceptedCapture: {
            /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
            readonly amount: number;
            readonly capture_id: string;
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            /** ISO 4217 code */
            readonly currency: string;
            /** The payment that it is about */
            readonly payment_id: string;
            /**
             * Always, also for a replay
             */
            readonly status: "PENDING";
        };
        readonly AcceptedPayment: {
            /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
            readonly amount: number;
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            /** ISO 4217 code */
            readonly currency: string;
            readonly payment_id: string;
            /**
             * Always, also for a replay: the current status is at GET /payments/{payment_id}
             */
            readonly status: "PENDING";
        };
        readonly AcceptedRefund: {
            /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
            readonly amount: number;
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            /** ISO 4217 code */
            readonly currency: string;
            /** The payment that it is about */
            readonly payment_id: string;
            readonly refund_id: string;
            /**
             * Always, also for a replay
             */
            readonly status: "PENDING";
        };
        readonly AcceptedVoid: {
            /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
            readonly amount: number;
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            /** ISO 4217 code */
            readonly currency: string;
            /** The payment that it is about */
            readonly payment_id: string;
            /**
             * Always, also for a replay
             */
            readonly status: "PENDING";
            readonly void_id: string;
        };
        readonly ActionResult: {
            /** What the gateway added to the address, or its browser library returned, under the gateway’s own names: `redirectResult` or `threeDSResult` of Adyen */
            readonly result: {
                readonly [key: string]: string;
            };
        };
        readonly BatchRequest: {
            /**
             * all stores every line or none, in one transaction; each stores every line that can be
             */
            readonly mode: "all" | "each";
            /** As in `POST /pay`, each with its own `idempotency_key` */
            readonly payments: readonly components["schemas"]["PayRequest"][];
        };
        readonly BatchResult: {
            readonly results: readonly {
                /** Position in `payments`, from 0 */
                readonly index: number;
                /** The stored payment, as `POST /pay` returns it */
                readonly payment?: {
                    /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
                    readonly amount: number;
                    /**
                     * RFC 3339, in UTC
                     */
                    readonly created_at: string;
                    /** ISO 4217 code */
                    readonly currency: string;
                    readonly payment_id: string;
                    /**
                     * Always, also for a replay: the current status is at GET /payments/{payment_id}
                     */
                    readonly status: "PENDING";
                };
                /** Why the line is not stored, as `POST /pay` says it */
                readonly problem?: {
                    readonly code: "malformed-json" | "validation-failed" | "idempotency-key-missing" | "idempotency-key-invalid" | "idempotency-key-repeated" | "idempotency-key-conflict" | "card-data-not-allowed" | "invalid-cursor" | "bad-request" | "request-timeout" | "headers-too-large" | "gateway-webhook-refused" | "api-key-missing" | "api-key-invalid" | "api-key-scope" | "cross-site-request" | "host-not-allowed" | "payment-not-found" | "refund-not-found" | "capture-not-found" | "void-not-found" | "not-found" | "method-not-allowed" | "request-in-flight" | "invalid-state" | "payment-not-refundable" | "payment-not-capturable" | "payment-not-voidable" | "payment-in-review" | "body-too-large" | "unsupported-media-type" | "idempotency-key-reused" | "batch-refused" | "payment-method-required" | "action-not-taken" | "action-result-refused" | "account-mode-mismatch" | "schedule-invalid" | "refund-exceeds" | "capture-exceeds" | "webhook-endpoint-not-found" | "webhook-event-not-found" | "webhook-delivery-not-found" | "webhook-endpoint-disabled" | "webhook-endpoint-limit" | "webhook-secret-rotating" | "webhooks-off" | "too-many-requests" | "internal-error" | "unavailable";
                    readonly detail?: string;
                    readonly errors?: readonly {
                        readonly detail: string;
                        readonly pointer: string;
                    }[];
                    readonly status: number;
                    readonly title: string;
                    readonly type: string;
                };
            }[];
        };
        readonly Capture: {
            /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
            readonly amount: number;
            /** Attempts at the gateway so far */
            readonly attempts: number;
            readonly capture_id: string;
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            /** ISO 4217 code */
            readonly currency: string;
            /** Why it failed, or why the latest attempt did */
            readonly failure?: {
                readonly code: string;
                readonly kind: string | null;
            };
            /** The payment that it is about */
            readonly payment_id: string;
            /**
             * SUCCESS: the gateway has done it. FAILED: it has not, and will not. Both are final
             */
            readonly status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            /**
             * Why one that is PROCESSING takes longer
             */
            readonly status_detail?: "AWAITING_CONFIRMATION" | "IN_REVIEW";
            /**
             * RFC 3339, in UTC
             */
            readonly updated_at: string;
        };
        readonly CaptureRequest: {
            /** Minor units. Default: all that is authorized; the rest is released */
            readonly amount?: number;
            /** 1 to 255 visible ASCII characters, case-sensitive; unique for this payment and kind of request */
            readonly idempotency_key?: string;
        };
        readonly CreatedWebhookEndpoint: {
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            readonly description: string;
            readonly disabled_at: string | null;
            /** gone, failing or operator */
            readonly disabled_reason: string | null;
            readonly enabled: boolean;
            readonly endpoint_id: string;
            /** Some of payment.created, payment.queued, payment.processing, payment.authorized, payment.requires_action, payment.succeeded, payment.failed, payment.needs_review, refund.created, refund.succeeded, refund.failed, refund.needs_review, capture.succeeded, capture.failed, void.succeeded, void.failed, dispute.opened, dispute.updated, dispute.closed, endpoint.disabled; null is all */
            readonly event_types: readonly string[] | null;
            /** Every attempt has failed since then */
            readonly failing_since: string | null;
            /** Requests are also signed with the previous secret until then */
            readonly old_secret_until: string | null;
            /** Nothing is sent until then */
            readonly paused_until: string | null;
            /** The signing secret, shown only once */
            readonly secret: string;
            /**
             * RFC 3339, in UTC
             */
            readonly updated_at: string;
            /** A key without the scope admin sees the host only: https://example.com/*** */
            readonly url: string;
        };
        readonly CreateWebhookEndpoint: {
            readonly description?: string;
            readonly event_types?: readonly ("payment.created" | "payment.queued" | "payment.processing" | "payment.authorized" | "payment.requires_action" | "payment.succeeded" | "payment.failed" | "payment.needs_review" | "refund.created" | "refund.succeeded" | "refund.failed" | "refund.needs_review" | "capture.succeeded" | "capture.failed" | "void.succeeded" | "void.failed" | "dispute.opened" | "dispute.updated" | "dispute.closed" | "endpoint.disabled")[] | null;
            /** whsec_ and base64 of 24 to 64 bytes. Default: a new one */
            readonly secret?: string;
            /** Where the events are sent: https, a public address */
            readonly url: string;
        };
        readonly Dispute: {
            /** What is disputed, in minor units */
            readonly amount: number;
            /** ISO 4217 code */
            readonly currency: string;
            /** The id of the gateway */
            readonly dispute_id: string;
            /**
             * RFC 3339, in UTC
             */
            readonly opened_at: string;
            readonly reason: string | null;
            readonly respond_by: string | null;
            readonly status: "inquiry" | "needs_response" | "under_review" | "won" | "lost" | "closed";
            /**
             * RFC 3339, in UTC
             */
            readonly updated_at: string;
        };
        readonly DisputeList: {
            readonly data: readonly components["schemas"]["Dispute"][];
        };
        readonly Payment: {
            /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
            readonly amount: number;
            /** Once SUCCESS: what was charged, in minor units */
            readonly amount_captured?: number;
            /** Once SUCCESS: the sum of refunds that succeeded, in minor units */
            readonly amount_refunded?: number;
            /** Attempts at the gateway so far */
            readonly attempts: number;
            /** Of a payment with manual capture, once the gateway has authorized it */
            readonly authorization?: {
                /** While authorized: capture it before this time */
                readonly expires_at: string | null;
                readonly status: "authorized" | "captured" | "voided" | "expired";
            };
            /**
             * Only authorized, until it is captured
             */
            readonly capture?: "manual";
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            /** ISO 4217 code */
            readonly currency: string;
            /** Customer at the gateway, in the same two forms */
            readonly customer?: string | {
                readonly [key: string]: string;
            };
            readonly customer_present?: true;
            readonly description?: string;
            /**
             * Of the worst dispute about its charge, an open one first. The status of the payment stays
             */
            readonly dispute_status?: "inquiry" | "needs_response" | "under_review" | "won" | "lost" | "closed";
            /**
             * When its personal members were erased
             */
            readonly erased_at?: string;
            /**
             * Nothing is sent before
             */
            readonly execute_at?: string;
            /**
             * Nothing is sent from then on
             */
            readonly expires_at?: string;
            /** Why it failed, or why the latest attempt did */
            readonly failure?: {
                readonly code: string;
                readonly kind: string | null;
            };
            /** Of the latest attempt; null before the first */
            readonly gateway: string | null;
            /** While in review: the charge that the gateway reported for an attempt it had declined */
            readonly late_charge_ref?: string;
            readonly metadata?: {
                readonly [key: string]: string;
            };
            /** While AWAITING_CUSTOMER: what the customer has to do */
            readonly next_action?: {
                /** For the browser library of the gateway; only for keys with the scope write */
                readonly client_secret?: string;
                readonly expires_at: string | null;
                readonly type: "redirect" | "sdk";
                /** Send the customer there */
                readonly url?: string;
            };
            readonly payment_id: string;
            /** Token of the gateway, or a token for each gateway */
            readonly payment_method?: string | {
                readonly [key: string]: string;
            };
            readonly priority?: "high" | "default" | "low";
            readonly reference?: string;
            readonly return_url?: string;
            readonly statement_descriptor?: string;
            /**
             * SUCCESS and FAILED are final
             */
            readonly status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            /**
             * Why a payment that is PROCESSING takes longer
             */
            readonly status_detail?: "AWAITING_CONFIRMATION" | "IN_REVIEW" | "AWAITING_CAPTURE" | "AWAITING_CUSTOMER";
            /**
             * RFC 3339, in UTC
             */
            readonly updated_at: string;
        };
        readonly PaymentEvent: {
            /**
             * RFC 3339, in UTC
             */
            readonly at: string;
            /** Permanent, and the same in every webhook */
            readonly event_id: string;
            readonly from_status: ("PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED") | null;
            /** From 1, without gaps within a payment */
            readonly sequence: number;
            readonly to_status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            /** Such as payment.created, payment.queued, payment.succeeded; more may be added */
            readonly type: string;
        };
        readonly PaymentEventList: {
            readonly data: readonly components["schemas"]["PaymentEvent"][];
        };
        readonly PaymentPage: {
            readonly data: readonly components["schemas"]["Payment"][];
            readonly has_more: boolean;
            /** For the query parameter "cursor"; null at the end */
            readonly next_cursor: string | null;
        };
        readonly PaymentSummary: {
            readonly data: readonly {
                /** Minor units of the currency; digits as text above 2^53 - 1 */
                readonly amount: number | string;
                /** Minor units of the currency; digits as text above 2^53 - 1 */
                readonly amount_captured: number | string;
                /** Minor units of the currency; digits as text above 2^53 - 1 */
                readonly amount_refunded: number | string;
                /** ISO 4217 code */
                readonly currency: string;
                /** Null before the first attempt */
                readonly gateway: string | null;
                readonly payments: number;
                /** Such as 2026-11-24, or 2026-11 */
                readonly period: string;
                readonly status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            }[];
        };
        readonly PayRequest: {
            /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
            readonly amount: number;
            /**
             * manual only authorizes the charge. Default: automatic
             */
            readonly capture?: "automatic" | "manual";
            /** ISO 4217 code. Default: USD */
            readonly currency?: string;
            /** Customer at the gateway, in the same two forms */
            readonly customer?: string | {
                readonly [key: string]: string;
            };
            /** Whether the customer can answer a question of the bank. Default: false, so that a question is a decline */
            readonly customer_present?: boolean;
            /** What the payment is for; 1 to 500 printable characters */
            readonly description?: string;
            readonly execute_at?: string;
            readonly expires_at?: string;
            /** 1 to 255 visible ASCII characters, case-sensitive; unique for this payment */
            readonly idempotency_key?: string;
            /** Your own pairs of texts: up to 40, of 40 and 500 characters, 6000 bytes as JSON */
            readonly metadata?: {
                readonly [key: string]: string;
            };
            /** Token of the gateway, or an object from gateway to token. Never a card number */
            readonly payment_method?: string | {
                readonly [key: string]: string;
            };
            /**
             * Share of the workers. Default: default
             */
            readonly priority?: "high" | "default" | "low";
            /** Your own, such as an order number; 1 to 255 printable characters */
            readonly reference?: string;
            /** Where the customer’s browser goes after the answer; needs customer_present; an https URL of up to 2048 visible ASCII characters; http is for this machine only */
            readonly return_url?: string;
            /** What the customer’s bank shows. For cards the gateway appends it to the name of the account; 5 to 22 Latin characters with a letter among them, without < > \ ' " or * */
            readonly statement_descriptor?: string;
        };
        readonly Problem: {
            /** What can be refunded or captured, in minor units */
            readonly available?: number;
            /**
             * Stable, for programs; more may be added
             */
            readonly code: "malformed-json" | "validation-failed" | "idempotency-key-missing" | "idempotency-key-invalid" | "idempotency-key-repeated" | "idempotency-key-conflict" | "card-data-not-allowed" | "invalid-cursor" | "bad-request" | "request-timeout" | "headers-too-large" | "gateway-webhook-refused" | "api-key-missing" | "api-key-invalid" | "api-key-scope" | "cross-site-request" | "host-not-allowed" | "payment-not-found" | "refund-not-found" | "capture-not-found" | "void-not-found" | "not-found" | "method-not-allowed" | "request-in-flight" | "invalid-state" | "payment-not-refundable" | "payment-not-capturable" | "payment-not-voidable" | "payment-in-review" | "body-too-large" | "unsupported-media-type" | "idempotency-key-reused" | "batch-refused" | "payment-method-required" | "action-not-taken" | "action-result-refused" | "account-mode-mismatch" | "schedule-invalid" | "refund-exceeds" | "capture-exceeds" | "webhook-endpoint-not-found" | "webhook-event-not-found" | "webhook-delivery-not-found" | "webhook-endpoint-disabled" | "webhook-endpoint-limit" | "webhook-secret-rotating" | "webhooks-off" | "too-many-requests" | "internal-error" | "unavailable";
            /** What happened this time */
            readonly detail?: string;
            /** Each fault: a JSON pointer into the body or the name of a query parameter */
            readonly errors?: readonly ({
                readonly detail: string;
                readonly pointer: string;
            } | {
                readonly detail: string;
                readonly parameter: string;
            })[];
            /** The path of the request */
            readonly instance?: string;
            /** The same as the header X-Request-Id */
            readonly request_id: string;
            /** Of `batch-refused`: what became of each line */
            readonly results?: readonly {
                /** Position in `payments`, from 0 */
                readonly index: number;
                /** The stored payment, as `POST /pay` returns it */
                readonly payment?: {
                    /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
                    readonly amount: number;
                    /**
                     * RFC 3339, in UTC
                     */
                    readonly created_at: string;
                    /** ISO 4217 code */
                    readonly currency: string;
                    readonly payment_id: string;
                    /**
                     * Always, also for a replay: the current status is at GET /payments/{payment_id}
                     */
                    readonly status: "PENDING";
                };
                /** Why the line is not stored, as `POST /pay` says it */
                readonly problem?: {
                    readonly code: "malformed-json" | "validation-failed" | "idempotency-key-missing" | "idempotency-key-invalid" | "idempotency-key-repeated" | "idempotency-key-conflict" | "card-data-not-allowed" | "invalid-cursor" | "bad-request" | "request-timeout" | "headers-too-large" | "gateway-webhook-refused" | "api-key-missing" | "api-key-invalid" | "api-key-scope" | "cross-site-request" | "host-not-allowed" | "payment-not-found" | "refund-not-found" | "capture-not-found" | "void-not-found" | "not-found" | "method-not-allowed" | "request-in-flight" | "invalid-state" | "payment-not-refundable" | "payment-not-capturable" | "payment-not-voidable" | "payment-in-review" | "body-too-large" | "unsupported-media-type" | "idempotency-key-reused" | "batch-refused" | "payment-method-required" | "action-not-taken" | "action-result-refused" | "account-mode-mismatch" | "schedule-invalid" | "refund-exceeds" | "capture-exceeds" | "webhook-endpoint-not-found" | "webhook-event-not-found" | "webhook-delivery-not-found" | "webhook-endpoint-disabled" | "webhook-endpoint-limit" | "webhook-secret-rotating" | "webhooks-off" | "too-many-requests" | "internal-error" | "unavailable";
                    readonly detail?: string;
                    readonly errors?: readonly {
                        readonly detail: string;
                        readonly pointer: string;
                    }[];
                    readonly status: number;
                    readonly title: string;
                    readonly type: string;
                };
            }[];
            readonly status: number;
            readonly title: string;
            /** Where the problem is explained: /problems/{code} */
            readonly type: string;
        };
        readonly Redelivered: {
            readonly redelivered: number;
        };
        readonly RedeliverEvent: {
            readonly endpoint_id?: string;
        };
        readonly RedeliverRange: {
            /** Format: date-time */
            readonly since?: string;
            readonly status?: "FAILED" | "DELIVERED";
            /** Format: date-time */
            readonly until?: string;
        };
        readonly Refund: {
            /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
            readonly amount: number;
            /** Attempts at the gateway so far */
            readonly attempts: number;
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            /** ISO 4217 code */
            readonly currency: string;
            /** Why it failed, or why the latest attempt did */
            readonly failure?: {
                readonly code: string;
                readonly kind: string | null;
            };
            /** The payment that it is about */
            readonly payment_id: string;
            /** As the request gave it */
            readonly reason?: string;
            readonly refund_id: string;
            /**
             * SUCCESS: the gateway has done it. FAILED: it has not, and will not. Both are final
             */
            readonly status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            /**
             * Why one that is PROCESSING takes longer
             */
            readonly status_detail?: "AWAITING_CONFIRMATION" | "IN_REVIEW";
            /**
             * RFC 3339, in UTC
             */
            readonly updated_at: string;
        };
        readonly RefundList: {
            readonly data: readonly components["schemas"]["Refund"][];
        };
        readonly RefundPage: {
            readonly data: readonly components["schemas"]["Refund"][];
            readonly has_more: boolean;
            /** For the query parameter "cursor"; null at the end */
            readonly next_cursor: string | null;
        };
        readonly RefundRequest: {
            /** Minor units. Default: all that is left */
            readonly amount?: number;
            /** 1 to 255 visible ASCII characters, case-sensitive; unique for this payment and kind of request */
            readonly idempotency_key?: string;
            /** For your records; at most 500 characters */
            readonly reason?: string;
        };
        readonly RotatedSecret: {
            readonly old_secret_until: string | null;
            /** The signing secret, shown only once */
            readonly secret: string;
        };
        readonly RotateSecret: {
            readonly force?: boolean;
            /** How long requests are also signed with the old secret; 0 if it leaked. Default: 86400 */
            readonly overlap_seconds?: number;
            /** whsec_ and base64 of 24 to 64 bytes. Default: a new one */
            readonly secret?: string;
        };
        readonly UpdateWebhookEndpoint: {
            readonly description?: string;
            readonly enabled?: boolean;
            readonly event_types?: readonly ("payment.created" | "payment.queued" | "payment.processing" | "payment.authorized" | "payment.requires_action" | "payment.succeeded" | "payment.failed" | "payment.needs_review" | "refund.created" | "refund.succeeded" | "refund.failed" | "refund.needs_review" | "capture.succeeded" | "capture.failed" | "void.succeeded" | "void.failed" | "dispute.opened" | "dispute.updated" | "dispute.closed" | "endpoint.disabled")[] | null;
            /** Where the events are sent: https, a public address */
            readonly url?: string;
        };
        readonly Void: {
            /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
            readonly amount: number;
            /** Attempts at the gateway so far */
            readonly attempts: number;
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            /** ISO 4217 code */
            readonly currency: string;
            /** Why it failed, or why the latest attempt did */
            readonly failure?: {
                readonly code: string;
                readonly kind: string | null;
            };
            /** The payment that it is about */
            readonly payment_id: string;
            /**
             * SUCCESS: the gateway has done it. FAILED: it has not, and will not. Both are final
             */
            readonly status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            /**
             * Why one that is PROCESSING takes longer
             */
            readonly status_detail?: "AWAITING_CONFIRMATION" | "IN_REVIEW";
            /**
             * RFC 3339, in UTC
             */
            readonly updated_at: string;
            readonly void_id: string;
        };
        readonly VoidRequest: {
            /** 1 to 255 visible ASCII characters, case-sensitive; unique for this payment and kind of request */
            readonly idempotency_key?: string;
        };
        readonly WebhookDelivery: {
            readonly attempts: number;
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            readonly delivery_id: string;
            readonly endpoint_id: string;
            readonly event_id: string;
            /** HTTP status of the latest attempt */
            readonly last_code: number | null;
            readonly last_error: string | null;
            readonly next_attempt_at: string | null;
            /** One of PENDING, DELIVERED, FAILED */
            readonly status: string;
            /**
             * RFC 3339, in UTC
             */
            readonly updated_at: string;
        };
        readonly WebhookDeliveryList: {
            readonly data: readonly components["schemas"]["WebhookDelivery"][];
        };
        readonly WebhookDeliveryPage: {
            readonly data: readonly components["schemas"]["WebhookDelivery"][];
            readonly has_more: boolean;
            /** For the query parameter "cursor"; null at the end */
            readonly next_cursor: string | null;
        };
        readonly WebhookDeliveryWithHistory: {
            readonly attempts: number;
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            readonly delivery_id: string;
            readonly endpoint_id: string;
            readonly event_id: string;
            readonly history: readonly {
                /**
                 * RFC 3339, in UTC
                 */
                readonly at: string;
                readonly attempt: number;
                readonly code: number | null;
                readonly detail: string | null;
                readonly duration_ms: number;
                readonly error: string | null;
                /** The beginning of the receiver's response */
                readonly response: string | null;
            }[];
            /** HTTP status of the latest attempt */
            readonly last_code: number | null;
            readonly last_error: string | null;
            readonly next_attempt_at: string | null;
            /** One of PENDING, DELIVERED, FAILED */
            readonly status: string;
            /**
             * RFC 3339, in UTC
             */
            readonly updated_at: string;
        };
        readonly WebhookEndpoint: {
            /**
             * RFC 3339, in UTC
             */
            readonly created_at: string;
            readonly description: string;
            readonly disabled_at: string | null;
            /** gone, failing or operator */
            readonly disabled_reason: string | null;
            readonly enabled: boolean;
            readonly endpoint_id: string;
            /** Some of payment.created, payment.queued, payment.processing, payment.authorized, payment.requires_action, payment.succeeded, payment.failed, payment.needs_review, refund.created, refund.succeeded, refund.failed, refund.needs_review, capture.succeeded, capture.failed, void.succeeded, void.failed, dispute.opened, dispute.updated, dispute.closed, endpoint.disabled; null is all */
            readonly event_types: readonly string[] | null;
            /** Every attempt has failed since then */
            readonly failing_since: string | null;
            /** Requests are also signed with the previous secret until then */
            readonly old_secret_until: string | null;
            /** Nothing is sent until then */
            readonly paused_until: string | null;
            /**
             * RFC 3339, in UTC
             */
            readonly updated_at: string;
            /** A key without the scope admin sees the host only: https://example.com/*** */
            readonly url: string;
        };
        readonly WebhookEndpointPage: {
            readonly data: readonly components["schemas"]["WebhookEndpoint"][];
            readonly has_more: boolean;
            /** For the query parameter "cursor"; null at the end */
            readonly next_cursor: string | null;
        };
        readonly WebhookEvent: {
            /**
             * RFC 3339, in UTC
             */
            readonly at: string;
            /** The header webhook-id of every attempt to every endpoint */
            readonly event_id: string;
            readonly payload: components["schemas"]["WebhookPayload"];
            readonly payment_id: string | null;
            /** Such as payment.created or endpoint.test */
            readonly type: string;
        };
        readonly WebhookEventPage: {
            readonly data: readonly components["schemas"]["WebhookEvent"][];
            readonly has_more: boolean;
            /** For the query parameter "cursor"; null at the end */
            readonly next_cursor: string | null;
        };
        readonly WebhookPayload: {
            readonly data: {
                /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
                readonly amount: number;
                /** ISO 4217 code */
                readonly currency: string;
                readonly description?: string;
                readonly metadata?: {
                    readonly [key: string]: string;
                };
                readonly payment_id: string;
                readonly reference?: string;
                /** Orders the events of one payment, refund, capture or void; not every number is sent */
                readonly sequence: number;
                readonly statement_descriptor?: string;
                /**
                 * From this event on; the current one is at its own address
                 */
                readonly status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            };
            /**
             * When it happened (RFC 3339), in UTC
             */
            readonly timestamp: string;
            readonly type: "payment.created" | "payment.queued" | "payment.processing" | "payment.authorized" | "payment.requires_action" | "payment.succeeded" | "payment.failed" | "payment.needs_review";
        } | {
            readonly data: {
                /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
                readonly amount: number;
                /** ISO 4217 code */
                readonly currency: string;
                readonly payment_id: string;
                readonly refund_id: string;
                /** Orders the events of one payment, refund, capture or void; not every number is sent */
                readonly sequence: number;
                /**
                 * From this event on; the current one is at its own address
                 */
                readonly status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            };
            /**
             * When it happened (RFC 3339), in UTC
             */
            readonly timestamp: string;
            readonly type: "refund.created" | "refund.succeeded" | "refund.failed" | "refund.needs_review";
        } | {
            readonly data: {
                /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
                readonly amount: number;
                readonly capture_id: string;
                /** ISO 4217 code */
                readonly currency: string;
                readonly payment_id: string;
                /** Orders the events of one payment, refund, capture or void; not every number is sent */
                readonly sequence: number;
                /**
                 * From this event on; the current one is at its own address
                 */
                readonly status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            };
            /**
             * When it happened (RFC 3339), in UTC
             */
            readonly timestamp: string;
            readonly type: "capture.succeeded" | "capture.failed";
        } | {
            readonly data: {
                /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
                readonly amount: number;
                /** ISO 4217 code */
                readonly currency: string;
                readonly payment_id: string;
                /** Orders the events of one payment, refund, capture or void; not every number is sent */
                readonly sequence: number;
                /**
                 * From this event on; the current one is at its own address
                 */
                readonly status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
                readonly void_id: string;
            };
            /**
             * When it happened (RFC 3339), in UTC
             */
            readonly timestamp: string;
            readonly type: "void.succeeded" | "void.failed";
        } | {
            readonly data: {
                /** Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD */
                readonly amount: number;
                /** ISO 4217 code */
                readonly currency: string;
                /** The id of the gateway */
                readonly dispute_id: string;
                /** One of inquiry, needs_response, under_review, won, lost, closed */
                readonly dispute_status: string;
                readonly disputed_amount: number;
                /** ISO 4217 code */
                readonly disputed_currency: string;
                readonly payment_id: string;
                readonly reason?: string;
                readonly respond_by?: string;
                /** Orders the events of one payment, refund, capture or void; not every number is sent */
                readonly sequence: number;
                /**
                 * From this event on; the current one is at its own address
                 */
                readonly status: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            };
            /**
             * When it happened (RFC 3339), in UTC
             */
            readonly timestamp: string;
            readonly type: "dispute.opened" | "dispute.updated" | "dispute.closed";
        } | {
            readonly data: {
                readonly endpoint_id: string;
                readonly reason: "gone" | "failing";
                readonly url: string;
            };
            /**
             * When it happened (RFC 3339), in UTC
             */
            readonly timestamp: string;
            readonly type: "endpoint.disabled";
        } | {
            readonly data: {
                readonly endpoint_id: string;
            };
            /**
             * When it happened (RFC 3339), in UTC
             */
            readonly timestamp: string;
            readonly type: "endpoint.test";
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
/** `AcceptedCapture` of the OpenAPI document. */
export type AcceptedCapture = components['schemas']['AcceptedCapture'];
/** `AcceptedPayment` of the OpenAPI document. */
export type AcceptedPayment = components['schemas']['AcceptedPayment'];
/** `AcceptedRefund` of the OpenAPI document. */
export type AcceptedRefund = components['schemas']['AcceptedRefund'];
/** `AcceptedVoid` of the OpenAPI document. */
export type AcceptedVoid = components['schemas']['AcceptedVoid'];
/** `ActionResult` of the OpenAPI document. */
export type ActionResult = components['schemas']['ActionResult'];
/** `BatchRequest` of the OpenAPI document. */
export type BatchRequest = components['schemas']['BatchRequest'];
/** `BatchResult` of the OpenAPI document. */
export type BatchResult = components['schemas']['BatchResult'];
/** `Capture` of the OpenAPI document. */
export type Capture = components['schemas']['Capture'];
/** `CaptureRequest` of the OpenAPI document. */
export type CaptureRequest = components['schemas']['CaptureRequest'];
/** `CreatedWebhookEndpoint` of the OpenAPI document. */
export type CreatedWebhookEndpoint = components['schemas']['CreatedWebhookEndpoint'];
/** `CreateWebhookEndpoint` of the OpenAPI document. */
export type CreateWebhookEndpoint = components['schemas']['CreateWebhookEndpoint'];
/** `Dispute` of the OpenAPI document. */
export type Dispute = components['schemas']['Dispute'];
/** `DisputeList` of the OpenAPI document. */
export type DisputeList = components['schemas']['DisputeList'];
/** `Payment` of the OpenAPI document. */
export type Payment = components['schemas']['Payment'];
/** `PaymentEvent` of the OpenAPI document. */
export type PaymentEvent = components['schemas']['PaymentEvent'];
/** `PaymentEventList` of the OpenAPI document. */
export type PaymentEventList = components['schemas']['PaymentEventList'];
/** `PaymentPage` of the OpenAPI document. */
export type PaymentPage = components['schemas']['PaymentPage'];
/** `PaymentSummary` of the OpenAPI document. */
export type PaymentSummary = components['schemas']['PaymentSummary'];
/** `PayRequest` of the OpenAPI document. */
export type PayRequest = components['schemas']['PayRequest'];
/** `Problem` of the OpenAPI document. */
export type Problem = components['schemas']['Problem'];
/** `Redelivered` of the OpenAPI document. */
export type Redelivered = components['schemas']['Redelivered'];
/** `RedeliverEvent` of the OpenAPI document. */
export type RedeliverEvent = components['schemas']['RedeliverEvent'];
/** `RedeliverRange` of the OpenAPI document. */
export type RedeliverRange = components['schemas']['RedeliverRange'];
/** `Refund` of the OpenAPI document. */
export type Refund = components['schemas']['Refund'];
/** `RefundList` of the OpenAPI document. */
export type RefundList = components['schemas']['RefundList'];
/** `RefundPage` of the OpenAPI document. */
export type RefundPage = components['schemas']['RefundPage'];
/** `RefundRequest` of the OpenAPI document. */
export type RefundRequest = components['schemas']['RefundRequest'];
/** `RotatedSecret` of the OpenAPI document. */
export type RotatedSecret = components['schemas']['RotatedSecret'];
/** `RotateSecret` of the OpenAPI document. */
export type RotateSecret = components['schemas']['RotateSecret'];
/** `UpdateWebhookEndpoint` of the OpenAPI document. */
export type UpdateWebhookEndpoint = components['schemas']['UpdateWebhookEndpoint'];
/** `Void` of the OpenAPI document. */
export type Void = components['schemas']['Void'];
/** `VoidRequest` of the OpenAPI document. */
export type VoidRequest = components['schemas']['VoidRequest'];
/** `WebhookDelivery` of the OpenAPI document. */
export type WebhookDelivery = components['schemas']['WebhookDelivery'];
/** `WebhookDeliveryList` of the OpenAPI document. */
export type WebhookDeliveryList = components['schemas']['WebhookDeliveryList'];
/** `WebhookDeliveryPage` of the OpenAPI document. */
export type WebhookDeliveryPage = components['schemas']['WebhookDeliveryPage'];
/** `WebhookDeliveryWithHistory` of the OpenAPI document. */
export type WebhookDeliveryWithHistory = components['schemas']['WebhookDeliveryWithHistory'];
/** `WebhookEndpoint` of the OpenAPI document. */
export type WebhookEndpoint = components['schemas']['WebhookEndpoint'];
/** `WebhookEndpointPage` of the OpenAPI document. */
export type WebhookEndpointPage = components['schemas']['WebhookEndpointPage'];
/** `WebhookEvent` of the OpenAPI document. */
export type WebhookEvent = components['schemas']['WebhookEvent'];
/** `WebhookEventPage` of the OpenAPI document. */
export type WebhookEventPage = components['schemas']['WebhookEventPage'];
/** `WebhookPayload` of the OpenAPI document. */
export type WebhookPayload = components['schemas']['WebhookPayload'];
export type $defs = Record<string, never>;
/** `operations` of the OpenAPI document. */
export interface operations {
    readonly getCapture: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** The ETag of an earlier response: 304 without a body when nothing has changed */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                readonly capture_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The capture in its current state */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Capture"];
                };
            };
        };
    };
    readonly pay: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** Instead of the member "idempotency_key" of the body, bare or quoted. Both may be sent if they are equal. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["PayRequest"];
            };
        };
        readonly responses: {
            /** The payment is stored and will be processed. A replay gets the same response. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["AcceptedPayment"];
                };
            };
        };
    };
    readonly listPayments: {
        readonly parameters: {
            readonly query?: {
                /** Created at this time (RFC 3339) or later */
                readonly created_after?: string;
                /** Created before this time (RFC 3339) */
                readonly created_before?: string;
                /** The next_cursor of the previous page, with the same filters */
                readonly cursor?: string;
                /** The gateway’s id of the charge */
                readonly gateway_ref?: string;
                /** 1 to 255 visible ASCII characters, case-sensitive; unique for this payment */
                readonly idempotency_key?: string;
                /** Entries per page. Default: 20 */
                readonly limit?: number;
                /** Largest amount, in minor units */
                readonly max_amount?: number;
                /** One pair of the metadata, exactly: cart=17 */
                readonly metadata?: string;
                /** Smallest amount, in minor units */
                readonly min_amount?: number;
                /** Only payments that wait for an operator, or only the others */
                readonly needs_review?: boolean;
                /** The beginning of the reference */
                readonly reference?: string;
                readonly status?: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** One page */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PaymentPage"];
                };
            };
        };
    };
    readonly createPayment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** Instead of the member "idempotency_key" of the body, bare or quoted. Both may be sent if they are equal. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["PayRequest"];
            };
        };
        readonly responses: {
            /** The payment is stored and will be processed. A replay gets the same response. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["AcceptedPayment"];
                };
            };
        };
    };
    readonly getPayment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** The ETag of an earlier response: 304 without a body when nothing has changed */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                readonly payment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The payment in its current state */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Payment"];
                };
            };
        };
    };
    readonly completePaymentAction: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly payment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ActionResult"];
            };
        };
        readonly responses: {
            /** The payment as it is now */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Payment"];
                };
            };
        };
    };
    readonly cancelPayment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly payment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The payment, which is now FAILED */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Payment"];
                };
            };
        };
    };
    readonly capturePayment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** Instead of the member "idempotency_key" of the body, bare or quoted. Both may be sent if they are equal. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly payment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["CaptureRequest"];
            };
        };
        readonly responses: {
            /** The capture is stored and will be processed. A replay gets the same response. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["AcceptedCapture"];
                };
            };
        };
    };
    readonly listPaymentDisputes: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly payment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The disputes */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["DisputeList"];
                };
            };
        };
    };
    readonly listPaymentEvents: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** The ETag of an earlier response: 304 without a body when nothing has changed */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                readonly payment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** Everything that has happened to the payment */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PaymentEventList"];
                };
            };
        };
    };
    readonly listPaymentRefunds: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** The ETag of an earlier response: 304 without a body when nothing has changed */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                readonly payment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The refunds */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RefundList"];
                };
            };
        };
    };
    readonly createRefund: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** Instead of the member "idempotency_key" of the body, bare or quoted. Both may be sent if they are equal. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly payment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["RefundRequest"];
            };
        };
        readonly responses: {
            /** The refund is stored and will be processed. A replay gets the same response. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["AcceptedRefund"];
                };
            };
        };
    };
    readonly voidPayment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** Instead of the member "idempotency_key" of the body, bare or quoted. Both may be sent if they are equal. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly payment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                readonly "application/json": components["schemas"]["VoidRequest"];
            };
        };
        readonly responses: {
            /** The void is stored and will be processed. A replay gets the same response. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["AcceptedVoid"];
                };
            };
        };
    };
    readonly createPayments: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["BatchRequest"];
            };
        };
        readonly responses: {
            /** Every line is stored and will be processed */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["BatchResult"];
                };
            };
            /** Mode `each`: some lines are refused */
            readonly 207: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["BatchResult"];
                };
            };
        };
    };
    readonly exportPayments: {
        readonly parameters: {
            readonly query?: {
                /** Created at this time (RFC 3339) or later */
                readonly created_after?: string;
                /** Created before this time (RFC 3339) */
                readonly created_before?: string;
                /** The next_cursor of the previous page, with the same filters */
                readonly cursor?: string;
                /** Default: csv */
                readonly format?: "csv" | "jsonl";
                /** The gateway’s id of the charge */
                readonly gateway_ref?: string;
                /** 1 to 255 visible ASCII characters, case-sensitive; unique for this payment */
                readonly idempotency_key?: string;
                /** Rows per page. Default: 500 */
                readonly limit?: number;
                /** Largest amount, in minor units */
                readonly max_amount?: number;
                /** One pair of the metadata, exactly: cart=17 */
                readonly metadata?: string;
                /** Smallest amount, in minor units */
                readonly min_amount?: number;
                /** Only payments that wait for an operator, or only the others */
                readonly needs_review?: boolean;
                /** The beginning of the reference */
                readonly reference?: string;
                readonly status?: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** One page; `Link` has the next */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "text/csv": unknown;
                };
            };
        };
    };
    readonly summarizePayments: {
        readonly parameters: {
            readonly query?: {
                /** Default: day */
                readonly by?: "day" | "month";
                /** Created at this time (RFC 3339) or later */
                readonly created_after?: string;
                /** Created before this time (RFC 3339), at most 92 days later */
                readonly created_before?: string;
                /** Where a day begins. Default: UTC */
                readonly time_zone?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The sums, oldest first */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PaymentSummary"];
                };
            };
        };
    };
    readonly listRefunds: {
        readonly parameters: {
            readonly query?: {
                /** Created at this time (RFC 3339) or later */
                readonly created_after?: string;
                /** Created before this time (RFC 3339) */
                readonly created_before?: string;
                /** The next_cursor of the previous page, with the same filters */
                readonly cursor?: string;
                /** Entries per page. Default: 20 */
                readonly limit?: number;
                /** Only the refunds of this payment */
                readonly payment_id?: string;
                readonly status?: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** One page */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RefundPage"];
                };
            };
        };
    };
    readonly getRefund: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** The ETag of an earlier response: 304 without a body when nothing has changed */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                readonly refund_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The refund in its current state */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Refund"];
                };
            };
        };
    };
    readonly exportRefunds: {
        readonly parameters: {
            readonly query?: {
                /** Created at this time (RFC 3339) or later */
                readonly created_after?: string;
                /** Created before this time (RFC 3339) */
                readonly created_before?: string;
                /** The next_cursor of the previous page, with the same filters */
                readonly cursor?: string;
                /** Default: csv */
                readonly format?: "csv" | "jsonl";
                /** Rows per page. Default: 500 */
                readonly limit?: number;
                /** Only the refunds of this payment */
                readonly payment_id?: string;
                readonly status?: "PENDING" | "QUEUED" | "PROCESSING" | "SUCCESS" | "FAILED";
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** One page; `Link` has the next */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "text/csv": unknown;
                };
            };
        };
    };
    readonly getVoid: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** The ETag of an earlier response: 304 without a body when nothing has changed */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                readonly void_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The void in its current state */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Void"];
                };
            };
        };
    };
    readonly getWebhookDelivery: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly delivery_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The delivery */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["WebhookDeliveryWithHistory"];
                };
            };
        };
    };
    readonly redeliverDelivery: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly delivery_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The number of deliveries that will be sent again */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Redelivered"];
                };
            };
        };
    };
    readonly listWebhookEndpoints: {
        readonly parameters: {
            readonly query?: {
                readonly cursor?: string;
                /** Entries per page. Default: 20 */
                readonly limit?: number;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** One page */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["WebhookEndpointPage"];
                };
            };
        };
    };
    readonly createWebhookEndpoint: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["CreateWebhookEndpoint"];
            };
        };
        readonly responses: {
            /** The endpoint and its secret */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["CreatedWebhookEndpoint"];
                };
            };
        };
    };
    readonly getWebhookEndpoint: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly endpoint_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The endpoint in its current state */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
        };
    };
    readonly deleteWebhookEndpoint: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly endpoint_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** Deleted; nothing more is sent to it */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly updateWebhookEndpoint: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly endpoint_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["UpdateWebhookEndpoint"];
            };
        };
        readonly responses: {
            /** The endpoint in its current state */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
        };
    };
    readonly listEndpointDeliveries: {
        readonly parameters: {
            readonly query?: {
                readonly cursor?: string;
                /** Entries per page. Default: 20 */
                readonly limit?: number;
                readonly status?: "PENDING" | "DELIVERED" | "FAILED";
            };
            readonly header?: never;
            readonly path: {
                readonly endpoint_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** One page */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["WebhookDeliveryPage"];
                };
            };
        };
    };
    readonly redeliverToEndpoint: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly endpoint_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                readonly "application/json": components["schemas"]["RedeliverRange"];
            };
        };
        readonly responses: {
            /** The number of deliveries that will be sent again */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Redelivered"];
                };
            };
        };
    };
    readonly rotateWebhookSecret: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly endpoint_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                readonly "application/json": components["schemas"]["RotateSecret"];
            };
        };
        readonly responses: {
            /** The new secret, shown only once */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RotatedSecret"];
                };
            };
        };
    };
    readonly testWebhookEndpoint: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly endpoint_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The delivery that will be made */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
        };
    };
    readonly listWebhookEvents: {
        readonly parameters: {
            readonly query?: {
                readonly cursor?: string;
                /** Entries per page. Default: 20 */
                readonly limit?: number;
                readonly payment_id?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** One page */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["WebhookEventPage"];
                };
            };
        };
    };
    readonly getWebhookEvent: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly event_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** The event */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["WebhookEvent"];
                };
            };
        };
    };
    readonly listEventDeliveries: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly event_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** One delivery for each endpoint */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["WebhookDeliveryList"];
                };
            };
        };
    };
    readonly redeliverEvent: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly event_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                readonly "application/json": components["schemas"]["RedeliverEvent"];
            };
        };
        readonly responses: {
            /** The number of deliveries that will be sent again */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Redelivered"];
                };
            };
        };
    };
    readonly receiveWebhook: {
        readonly parameters: {
            readonly query?: never;
            readonly header: {
                /** The event: the same in every attempt */
                readonly "webhook-id": string;
                /** One signature for each valid secret, such as v1,K5oZ… */
                readonly "webhook-signature": string;
                /** When this attempt was signed, in seconds */
                readonly "webhook-timestamp": string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["WebhookPayload"];
            };
        };
        readonly responses: {
            /** Delivered. Anything else is sent again */
            readonly "2XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
