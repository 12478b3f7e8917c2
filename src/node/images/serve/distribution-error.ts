/** The errors of the OCI distribution specification: code, HTTP status, and the words registries use. */
const known = {
  BLOB_UNKNOWN: [404, 'blob unknown to registry'],
  BLOB_UPLOAD_INVALID: [400, 'blob upload invalid'],
  BLOB_UPLOAD_UNKNOWN: [404, 'blob upload unknown to registry'],
  DIGEST_INVALID: [400, 'provided digest did not match uploaded content'],
  MANIFEST_BLOB_UNKNOWN: [404, 'blob unknown to registry'],
  MANIFEST_INVALID: [400, 'manifest invalid'],
  MANIFEST_UNKNOWN: [404, 'manifest unknown'],
  NAME_INVALID: [400, 'invalid repository name'],
  NAME_UNKNOWN: [404, 'repository name not known to registry'],
  RANGE_INVALID: [416, 'invalid content range'],
  UNSUPPORTED: [405, 'the operation is unsupported'],
  UNKNOWN: [500, 'unknown error'],
} as const

export class DistributionError extends Error {
  override readonly name = 'DistributionError'
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string>>

  constructor(code: keyof typeof known, detail?: unknown, headers: Readonly<Record<string, string>> = {}) {
    const [status, message] = known[code]
    super(message)
    this.status = status
    this.headers = headers
    this.body = JSON.stringify({ errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] })
  }
}
