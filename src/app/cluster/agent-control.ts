import { request } from 'node:http'
import { UserError } from './errors.ts'

const patienceMs = 30_000

/** Tells the agent that the profile's nodes changed; resolves when it has brought them about. Waits for an agent that is starting. */
export async function tellAgent(socketPath: string, profileName: string): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const answer = await post(socketPath, '/nodes')
    if (answer.status === 200) return
    if (answer.status !== 0)
      throw new UserError(
        `the running cluster cannot change its nodes (${answer.text}). Run: knarr down --profile ${profileName}    and: knarr up --profile ${profileName}`,
      )
    if (performance.now() > deadline) throw new UserError(`the agent did not answer (${answer.text}); see: knarr logs --profile ${profileName}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Status 0: nobody answered. */
function post(socketPath: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const sent = request({ socketPath, path, method: 'POST', timeout: patienceMs }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text: text.trim() })).once('error', () => resolve({ status: 0, text: 'cut off' }))
    })
    sent.once('timeout', () => sent.destroy(new Error('no answer in time'))).once('error', (error) => resolve({ status: 0, text: error.message }))
    sent.end()
  })
}
