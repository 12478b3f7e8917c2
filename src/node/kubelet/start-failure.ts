/** Why a container does not start now: a waiting reason and its message. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure'
  readonly reason: string
  /** Set where the reason is that no image of the name is here: asked again soon, told at the back-off's pace. */
  readonly isImage: boolean

  constructor(reason: string, message: string, options: { isImage?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.reason = reason
    this.isImage = options.isImage ?? false
  }
}
