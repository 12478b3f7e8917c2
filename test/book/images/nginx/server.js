// The page of a fresh nginx, and its access log.
const { createServer } = require('node:http')

const page = '<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n<h1>Welcome to nginx!</h1>\n</body>\n</html>\n'

createServer((request, response) => {
  const found = request.url === '/' || request.url === '/index.html'
  response.writeHead(found ? 200 : 404, { 'content-type': 'text/html' })
  response.end(found ? page : '<html><head><title>404 Not Found</title></head></html>\n')
  console.log(`${request.socket.remoteAddress} "${request.method} ${request.url} HTTP/${request.httpVersion}" ${response.statusCode}`)
}).listen(80)
for (const signal of ['SIGTERM', 'SIGQUIT']) process.on(signal, () => process.exit(0))
