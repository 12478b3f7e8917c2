// Loaded where there is a file to read (see http-client.ts).
export { parse } from 'yaml'
