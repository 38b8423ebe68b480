/** A page that is not shown or an act that is not done, and why. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code = 'REFUSED'
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 503

  constructor(status: Refusal['status'], message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.status = status
  }
}
