// Answers as registry.k8s.io/echoserver:1.4 does: with what it was asked.
const { createServer } = require('node:http')

createServer((request, response) => {
  let body = ''
  request.on('data', (part) => (body += part))
  request.on('end', () => {
    const url = new URL(request.url, `http://${request.headers.host ?? 'localhost'}`)
    const headers = Object.entries(request.headers).map(([name, value]) => `${name}=${value}`)
    response.setHeader('content-type', 'text/plain')
    response.end(
      [
        'CLIENT VALUES:',
        `client_address=${request.socket.remoteAddress.replace('::ffff:', '')}`,
        `command=${request.method}`,
        `real path=${request.url}`,
        `query=${url.search.slice(1) || 'nil'}`,
        `request_version=${request.httpVersion}`,
        `request_uri=http://${url.hostname}:8080${request.url}`,
        '',
        'SERVER VALUES:',
        `server_version=node: ${process.versions.node}`,
        '',
        'HEADERS RECEIVED:',
        ...headers.sort(),
        'BODY:',
        body || '-no body in request-',
      ].join('\n'),
    )
  })
}).listen(8080)
process.on('SIGTERM', () => process.exit(0))
