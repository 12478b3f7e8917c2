import type { ListMeta, Status, StatusCause } from '../api/generated/types.ts'

/** Reasons and codes as in upstream's apimachinery (k8s.io/apimachinery/pkg/api/errors). */
export const statusCodes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  ServerTimeout: 500,
} as const

export type StatusReason = keyof typeof statusCodes

export interface StatusErrorDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

/** A refusal of the API, on either side of the wire. */
export class StatusError extends Error {
  readonly reason: StatusReason
  readonly code: number
  readonly details: StatusErrorDetails | undefined
  /** The ListMeta of a refused list: how to go on. */
  readonly metadata: ListMeta

  constructor(reason: StatusReason, message: string, details?: StatusErrorDetails, options?: { cause?: unknown; code?: number; metadata?: ListMeta }) {
    super(message, options)
    this.name = 'StatusError'
    this.metadata = options?.metadata ?? {}
    this.reason = reason
    this.code = options?.code ?? statusCodes[reason]
    this.details = details
  }

  static from(status: Status): StatusError {
    return new StatusError((status.reason ?? 'InternalError') as StatusReason, status.message ?? '', status.details as StatusErrorDetails | undefined, {
      ...(status.code === undefined ? {} : { code: status.code }),
      ...(status.metadata ? { metadata: status.metadata } : {}),
    })
  }

  toStatus(): object {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.metadata,
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    }
  }
}

export const isStatusError = (error: unknown, reason?: StatusReason): error is StatusError =>
  error instanceof StatusError && (reason === undefined || error.reason === reason)
