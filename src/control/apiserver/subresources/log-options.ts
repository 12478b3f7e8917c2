import { forbidden, invalid, notSupported } from '../../../base/api/resources/field.ts'
import type { FieldFault } from '../../../base/api/resource.ts'
import { badRequest } from '../errors.ts'

const streams = ['All', 'Stderr', 'Stdout']

/** What is wrong with the options of `pods/log`, as upstream's ValidatePodLogOptions says it. Throws where a value cannot be read at all. */
export const validateLogOptions = (query: URLSearchParams): FieldFault[] => {
  const [tailLines, limitBytes, sinceSeconds] = [whole(query, 'tailLines'), whole(query, 'limitBytes'), whole(query, 'sinceSeconds')]
  const sinceTime = query.get('sinceTime')
  if (sinceTime && Number.isNaN(Date.parse(sinceTime)))
    throw badRequest(`parsing time "${sinceTime}" as "2006-01-02T15:04:05Z07:00": cannot parse "${sinceTime}"`)
  const stream = query.get('stream')
  return [
    ...(tailLines !== undefined && tailLines < 0 ? [invalid('tailLines', tailLines, 'must be greater than or equal to 0')] : []),
    ...(limitBytes !== undefined && limitBytes < 1 ? [invalid('limitBytes', limitBytes, 'must be greater than 0')] : []),
    ...(sinceSeconds !== undefined && sinceTime
      ? [forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified')]
      : sinceSeconds !== undefined && sinceSeconds < 1
        ? [invalid('sinceSeconds', sinceSeconds, 'must be greater than 0')]
        : []),
    ...(stream && !streams.includes(stream) ? [notSupported('stream', stream, streams)] : []),
    ...(stream && stream !== 'All' && tailLines !== undefined ? [forbidden('', '`tailLines` and specific `stream` are mutually exclusive for now')] : []),
  ]
}

const whole = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^[-+]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}
