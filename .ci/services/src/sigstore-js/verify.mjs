// node verify.mjs [--timestamps N] [--logs N] [--identity SAN --issuer URL] TRUSTED_ROOT BUNDLE [ARTIFACT]
//
// Verifies a bundle with sigstore-js, an implementation that shares no code with
// ours. Without ARTIFACT only a DSSE envelope can be verified, and what its
// statement is about is the caller's to compare: the statement is printed.
// Exit code 0: verified. 1: refused, with sigstore-js's code. 2: usage.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    timestamps: { type: 'string', default: '1' },
    logs: { type: 'string', default: '1' },
    identity: { type: 'string' },
    issuer: { type: 'string' },
  },
});
if (positionals.length < 2 || positionals.length > 3 || Boolean(values.identity) !== Boolean(values.issuer)) {
  console.error('usage: verify.mjs [--timestamps N] [--logs N] [--identity SAN --issuer URL] TRUSTED_ROOT BUNDLE [ARTIFACT]');
  process.exit(2);
}
const [rootFile, bundleFile, artifactFile] = positionals;
const json = (file) => JSON.parse(readFileSync(file));

const root = TrustedRoot.fromJSON(json(rootFile));
const verifier = new Verifier(toTrustMaterial(root), {
  tlogThreshold: Number(values.logs),
  ctlogThreshold: root.ctlogs.length > 0 ? 1 : 0,
  tsaThreshold: Number(values.timestamps),
});
const policy = values.identity
  ? { subjectAlternativeName: values.identity, extensions: { issuer: values.issuer } }
  : undefined;
try {
  const bundle = bundleFromJSON(json(bundleFile));
  const artifact = artifactFile ? readFileSync(artifactFile) : undefined;
  const signer = verifier.verify(toSignedEntity(bundle, artifact), policy);
  const envelope = bundle.content.dsseEnvelope;
  console.log(JSON.stringify({
    identity: signer.identity,
    statement: envelope && JSON.parse(envelope.payload.toString()),
  }));
} catch (e) {
  console.error([e.code ?? e.name, e.message, e.cause?.message].filter(Boolean).join(': '));
  process.exit(1);
}
