// Holds a GraphQL server to the GraphQL over HTTP specification.
//
//   node audit.mjs URL [ID…]
//
// Prints each audit and fails if one that is a MUST or a SHOULD does not pass.
// The audits with the given ids must NOT pass, or they are no exceptions any more.
import { auditServer } from 'graphql-http'

const [url, ...exceptions] = process.argv.slice(2)
if (!url) {
  console.error('usage: node audit.mjs URL [ID…]')
  process.exit(2)
}

// What the suite calls an error or a warning; a notice is a MAY.
const wrong = ({ id, status }) =>
  exceptions.includes(id) ? status === 'ok' : status === 'error' || status === 'warn'

const mark = (result) => {
  if (wrong(result)) return 'FAILED'
  if (exceptions.includes(result.id)) return 'except'
  return result.status === 'ok' ? 'passed' : 'notice'
}

const results = await auditServer({ url })
for (const result of results) {
  const why = result.status === 'ok' ? '' : `: ${result.reason}`
  console.log(`${mark(result)}  ${result.id}  ${result.name}${why}`)
}
const count = (level) => {
  const all = results.filter(({ name }) => name.startsWith(level))
  return `${level} ${all.filter(({ status }) => status === 'ok').length} of ${all.length}`
}
console.log(['MUST', 'SHOULD', 'MAY'].map(count).join(', '))
process.exit(results.length === 0 || results.some(wrong) ? 1 : 0)
