// Answers as gcr.io/google-samples/hello-app does.
const { createServer } = require('node:http')
const { hostname } = require('node:os')

createServer((request, response) => {
  console.log(`Serving request: ${request.url}`)
  response.end(`Hello, world!\nVersion: ${process.env.VERSION}\nHostname: ${hostname()}\n`)
}).listen(Number(process.env.PORT), () => console.log(`Server listening on port ${process.env.PORT}`))
process.on('SIGTERM', () => process.exit(0))
