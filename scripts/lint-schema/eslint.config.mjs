// The rules for the schema: all of graphql-eslint's schema-recommended and relay
// sets. What is switched off or narrowed here, and why, is in
// docs/adr/0010-graphql-rules.md.
import plugin from '@graphql-eslint/eslint-plugin'

const { 'flat/schema-recommended': recommended, 'flat/schema-relay': relay } = plugin.configs

// Types that are values: they have no identity, and so no id.
const values = [
  'AuditDetail',
  'Availability',
  'AvailabilityToggle',
  'CertificateVerification',
  'Consent',
  'Consents',
  'Download',
  'Erasure',
  'FormerName',
  'Grant',
  'Membership',
  'PageInfo',
  'Position',
  'Presence',
  'QuietHours',
  'RosterImportCellProblem',
  'RosterImportChange',
  'RosterImportCounts',
  'RosterImportFieldChange',
  'RosterImportProblem',
  'RosterImportProgress',
  'SecondFactor',
  'Shift',
  'StaffEntry',
]

export default [
  {
    files: ['**/*.graphqls'],
    languageOptions: {
      parser: plugin.parser,
      parserOptions: { graphQLConfig: { schema: 'schema/*.graphqls' } },
    },
    plugins: { '@graphql-eslint': plugin },
    rules: {
      ...recommended.rules,
      ...relay.rules,
      '@graphql-eslint/description-style': ['error', { style: 'inline' }],
      '@graphql-eslint/strict-id-in-types': [
        'error',
        { exceptions: { types: values, suffixes: ['Connection', 'Payload'] } },
      ],
      '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
      '@graphql-eslint/relay-edge-types': [
        'error',
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],
      '@graphql-eslint/relay-connection-types': 'off',
      '@graphql-eslint/relay-page-info': 'off',
    },
  },
]
