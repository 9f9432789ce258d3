package main

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"

	"github.com/hallmark-project/hallmark/internal/sigstoretest"
)

// fails is what the names of cases end in that must be refused.
const fails = "_fail"

// made is a case of Sigstore's conformance suite, by the suite's name for it, and
// how one that is equal to it in all that it tests is made here. The bundles of the
// suite itself are run by TestSuite.
type made struct {
	name, tests string
	// why is part of the reason for which it is refused: a case that is refused
	// for another shows nothing.
	why  string
	make func(s *sigstoretest.Sigstore) bundleCase
}

// Plans that are good as they are.

func planV1(s *sigstoretest.Sigstore) sigstoretest.Plan {
	return sigstoretest.Plan{Subject: subject(s), Artifact: artifact, Entry: sigstoretest.KindHashed, Promised: present}
}

func planV2(s *sigstoretest.Sigstore) sigstoretest.Plan {
	return sigstoretest.Plan{Subject: subject(s), Artifact: artifact, Entry: sigstoretest.KindHashedV2, Stamps: []time.Time{present}}
}

func planDSSE(s *sigstoretest.Sigstore, kind sigstoretest.Kind) sigstoretest.Plan {
	return sigstoretest.Plan{Subject: subject(s), Statement: statement(nil), Entry: kind, Promised: present}
}

func planDSSE2(s *sigstoretest.Sigstore) sigstoretest.Plan {
	return sigstoretest.Plan{Subject: subject(s), Statement: statement(nil), Entry: sigstoretest.KindHashedV2, Stamps: []time.Time{present}}
}

// managed is p with a key that a person keeps.
func managed(p sigstoretest.Plan) sigstoretest.Plan {
	p.Subject, p.Promised, p.Stamps = nil, time.Time{}, nil
	if p.Key.Signer == nil {
		p.Key = sigstoretest.NewKey(protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256)
	}
	return p
}

// as signs p and has change alter the bundle.
func as(s *sigstoretest.Sigstore, p sigstoretest.Plan, change func(b *protobundle.Bundle)) bundleCase {
	b := s.Sign(p)
	if change != nil {
		change(b)
	}
	c := bundleCase{bundle: sigstoretest.JSON(b), root: s.Root().JSON()}
	if p.Subject == nil {
		c.key = p.Key.PEM()
	}
	return c
}

// under is as, with a trusted root that change alters.
func under(s *sigstoretest.Sigstore, p sigstoretest.Plan, change func(r *sigstoretest.Root)) bundleCase {
	c := as(s, p, nil)
	r := s.Root()
	change(r)
	c.root = r.JSON()
	return c
}

// text alters a bundle as text.
func text(c bundleCase, from, to string) bundleCase {
	if !bytes.Contains(c.bundle, []byte(from)) {
		panic("nothing to replace: " + from)
	}
	c.bundle = bytes.Replace(c.bundle, []byte(from), []byte(to), 1)
	return c
}

func entry(b *protobundle.Bundle) *protorekor.TransparencyLogEntry {
	return b.VerificationMaterial.TlogEntries[0]
}

// signedAgain puts a checkpoint of these lines into b and has log sign it.
func signedAgain(b *protobundle.Bundle, log *sigstoretest.Log, change func(lines []string) []string) {
	c := entry(b).InclusionProof.Checkpoint
	body, _, _ := strings.Cut(c.Envelope, "\n\n")
	body = strings.Join(change(strings.Split(body, "\n")), "\n") + "\n"
	c.Envelope = body + "\n" + log.Sign(body)
}

func without(i int) func(lines []string) []string {
	return func(lines []string) []string { return append(append([]string{}, lines[:i]...), lines[i+1:]...) }
}

// flip alters one bit.
func flip(data []byte) []byte {
	out := bytes.Clone(data)
	out[len(out)-1] ^= 1
	return out
}

// cosigned adds signatures of others to b's checkpoint, before or behind the
// log's own.
func cosigned(b *protobundle.Bundle, lines ...string) {
	c := entry(b).InclusionProof.Checkpoint
	c.Envelope += strings.Join(lines, "")
}

func cases() []made {
	type S = *sigstoretest.Sigstore
	other := func(s S) *sigstoretest.Sigstore { return sigstoretest.New(s.Now) }
	second := func(s S, p sigstoretest.Plan) *protobundle.Bundle { return s.Sign(p) }
	return []made{
		{"bundle-with-sct-with-extensions", "the certificate log put extensions into its promise", "", func(s S) bundleCase {
			s.CT.Extensions = []byte{0, 0, 5, 0, 1, 2, 3, 4}
			return as(s, planV1(s), nil)
		}},
		{"dsse-with-hashedrekord-happy-path", "a statement that Rekor v1 holds as the hash of its PAE", "", func(s S) bundleCase {
			p := planDSSE(s, sigstoretest.KindHashed)
			p.Stamps = []time.Time{present}
			return as(s, p, nil)
		}},
		{"happy-path", "a bundle of the first version", "", func(s S) bundleCase { return versioned(s, sigstoretest.V01) }},
		{"happy-path-v0.1", "a bundle v0.1", "", func(s S) bundleCase { return versioned(s, sigstoretest.V01) }},
		{"happy-path-v0.2", "a bundle v0.2", "", func(s S) bundleCase { return versioned(s, sigstoretest.V02) }},
		{"happy-path-v0.3", "a bundle v0.3 under its first media type", "", func(s S) bundleCase { return versioned(s, sigstoretest.V03) }},
		{"happy-path-v0.3-new-mediaType", "a bundle v0.3 under its present media type", "", func(s S) bundleCase { return versioned(s, sigstoretest.V3) }},
		{"happy-path-intoto-in-dsse-v3", "a statement, in a dsse entry of Rekor v1", "", func(s S) bundleCase { return as(s, planDSSE(s, sigstoretest.KindDSSE), nil) }},
		{"intoto-canonical-log-entry", "an intoto entry with the payload's hash alone, under a checkpoint whose origin has no tree, signed with a managed key", "", func(s S) bundleCase {
			s.V1.Tree = ""
			return as(s, managed(planDSSE(s, sigstoretest.KindInToto)), nil)
		}},
		{"intoto-with-custom-trust-root", "a statement in an intoto entry, with a timestamp, under a root of one's own", "", func(s S) bundleCase {
			p := planDSSE(s, sigstoretest.KindInToto)
			p.Stamps, p.MediaType = []time.Time{present}, sigstoretest.V02
			return as(s, p, nil)
		}},
		{"managed-key-happy-path", "bytes signed with a managed key", "", func(s S) bundleCase {
			p := managed(planV1(s))
			p.Stamps = []time.Time{present}
			return as(s, p, nil)
		}},
		{"managed-key-and-trusted-root", "bytes signed with a managed key, in a log of a root of one's own", "", func(s S) bundleCase { return as(s, managed(planV1(s)), nil) }},
		{"rekor2-happy-path", "bytes, in Rekor v2, with a timestamp", "", func(s S) bundleCase { return as(s, planV2(s), nil) }},
		{"rekor2-dsse-happy-path", "a statement, in Rekor v2, with a timestamp", "", func(s S) bundleCase { return as(s, planDSSE2(s), nil) }},
		{"rekor2-checkpoint-cosigned", "a witness signed the checkpoint, too", "", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) { cosigned(b, witness(b)) })
		}},
		{"rekor2-checkpoint-multiple-cosigs", "several witnesses signed the checkpoint, too", "", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) { cosigned(b, witness(b), witness(b), witness(b)) })
		}},
		{"rekor2-checkpoint-origin-not-first", "a witness's signature stands before the log's", "", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) {
				c := entry(b).InclusionProof.Checkpoint
				body, own, _ := strings.Cut(c.Envelope, "\n\n")
				c.Envelope = body + "\n\n" + witness(b) + own
			})
		}},
		{"rekor2-checkpoint-two-sigs-cosigned", "two keys of the log and a witness signed the checkpoint", "", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) { cosigned(b, secondKey(s, b), witness(b)) })
		}},
		{"rekor2-checkpoint-two-sigs-from-origin", "two keys of the log signed the checkpoint", "", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) { cosigned(b, secondKey(s, b)) })
		}},
		{"rekor2-timestamp-with-embedded-cert", "the authority's certificate is in the timestamp, and not in the root", "", func(s S) bundleCase {
			p := planV2(s)
			p.Embed = true
			return under(s, p, func(r *sigstoretest.Root) {
				r.Stampers = []map[string]any{s.TSA.Authority.Listed(present.Add(-time.Hour), time.Time{})}
			})
		}},
		{"rekor2-timestamp-without-embedded-cert", "the authority's certificate is in the root alone", "", func(s S) bundleCase { return as(s, planV2(s), nil) }},
		{"rekor2-timestamp-with-expired-cert-chain", "the authority's certificates have expired since", "", func(s S) bundleCase {
			s.TSA = sigstoretest.NewStamper(s.TSA.URI, present.Add(-10*365*24*time.Hour+24*time.Hour), present.Add(-time.Hour), present.Add(time.Hour))
			return as(s, planV2(s), nil)
		}},
		{"sct-duplicate-intermediate-name", "another authority's intermediate has the same name and another key", "", func(s S) bundleCase {
			return under(s, planV1(s), func(r *sigstoretest.Root) {
				r.Authorities = append([]map[string]any{other(s).Fulcio.Listed(present.Add(-time.Hour), time.Time{})}, r.Authorities...)
			})
		}},
		{"trust-root-tlog-validity-end-inclusive", "the log is trusted until the very second of the entry", "", func(s S) bundleCase {
			return under(s, planV1(s), func(r *sigstoretest.Root) {
				r.Tlogs = []map[string]any{s.V1.Listed(present.Add(-time.Hour), present)}
			})
		}},
		{"trust-root-tsa-validity-end-inclusive", "the authority is trusted until the very second of the timestamp", "", func(s S) bundleCase {
			return under(s, planV2(s), func(r *sigstoretest.Root) {
				r.Stampers = []map[string]any{s.TSA.Listed(present.Add(-time.Hour), present)}
			})
		}},

		{"bundle-empty-certificate-chain_fail", "a chain without a certificate", "certificate cannot be read", func(s S) bundleCase {
			p := planV1(s)
			p.MediaType = sigstoretest.V02
			return as(s, p, func(b *protobundle.Bundle) {
				b.VerificationMaterial.Content = &protobundle.VerificationMaterial_X509CertificateChain{X509CertificateChain: new(protocommon.X509CertificateChain)}
			})
		}},
		{"bundle-from-wrong-instance_fail", "a bundle of another instance", "from no log that the trusted root lists", func(s S) bundleCase {
			c := as(s, planV1(s), nil)
			c.root = other(s).Root().JSON()
			return c
		}},
		{"bundle-invalid-base64-signature_fail", "the signature is no base64", "it is no Sigstore bundle", func(s S) bundleCase {
			b := s.Sign(planV1(s))
			c := as(s, planV1(s), nil)
			c.bundle = sigstoretest.JSON(b)
			return text(c, base64.StdEncoding.EncodeToString(sigstoretest.Signature(b)), "%%%not-base64%%%")
		}},
		{"bundle-malformed-json_fail", "no JSON", "it is no Sigstore bundle", func(s S) bundleCase {
			c := as(s, planV1(s), nil)
			c.bundle = c.bundle[:len(c.bundle)/2]
			return c
		}},
		{"bundle-negative-log-index_fail", "a log index below zero", "it is no Sigstore bundle", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) { entry(b).LogIndex = -1 })
		}},
		{"bundle-unknown-version_fail", "a version that nobody knows", "it is no Sigstore bundle", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) {
				b.MediaType = "application/vnd.dev.sigstore.bundle+json;version=99.9"
			})
		}},
		{"bundle-with-root-cert_fail", "a root in the chain", "of its chain is a root", func(s S) bundleCase {
			p := planV1(s)
			p.MediaType, p.Chain = sigstoretest.V02, []*x509.Certificate{s.Fulcio.Intermediate, s.Fulcio.Root}
			return as(s, p, nil)
		}},
		{"checkpoint-bad-keyhint_fail", "the checkpoint's signature is under another key's hint", "its log entry", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) {
				c := entry(b).InclusionProof.Checkpoint
				body, _, _ := strings.Cut(c.Envelope, "\n\n")
				c.Envelope = body + "\n\n" + s.V1.SignAs(s.V1.Origin, []byte{1, 2, 3, 4}, body+"\n")
			})
		}},
		{"checkpoint-wrong-roothash_fail", "the checkpoint is of another tree", "its log entry", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) {
				signedAgain(b, s.V1, func(lines []string) []string {
					lines[2] = base64.StdEncoding.EncodeToString(make([]byte, 32))
					return lines
				})
			})
		}},
		{"cve-2022-36056-swapped-tlog-entry_fail", "cosign's older layout, with the log entry of another signature", "it is no Sigstore bundle", func(s S) bundleCase {
			c := as(s, planV1(s), nil)
			b, swapped := s.Sign(planV1(s)), entry(s.Sign(planV1(s)))
			old, err := json.Marshal(map[string]any{
				"base64Signature": sigstoretest.Signature(b), "cert": b.VerificationMaterial.GetCertificate().GetRawBytes(),
				"rekorBundle": map[string]any{"SignedEntryTimestamp": swapped.InclusionPromise.SignedEntryTimestamp, "Payload": map[string]any{
					"body": swapped.CanonicalizedBody, "integratedTime": swapped.IntegratedTime, "logIndex": swapped.LogIndex,
				}},
			})
			if err != nil {
				panic(err)
			}
			c.bundle = old
			return c
		}},
		{"dsse-invalid-sig_fail", "the statement's signature is another's", "transparency log signature does not match", func(s S) bundleCase {
			return as(s, planDSSE(s, sigstoretest.KindDSSE), func(b *protobundle.Bundle) { b.GetDsseEnvelope().Signatures[0].Sig = flip(sigstoretest.Signature(b)) })
		}},
		{"dsse-mismatch-envelope_fail", "the log holds another statement", "transparency log", func(s S) bundleCase {
			p := planDSSE(s, sigstoretest.KindDSSE)
			return swapped(s, p, true)
		}},
		{"dsse-mismatch-sig_fail", "the log holds another signature of the statement", "transparency log signature does not match", func(s S) bundleCase {
			return swapped(s, planDSSE(s, sigstoretest.KindDSSE), false)
		}},
		{"dsse-statement-missing-type_fail", "a statement that does not say it is one", "statement cannot be read", func(s S) bundleCase {
			p := managed(planDSSE2(s))
			p.Statement = statement(map[string]any{"_type": nil})
			return as(s, p, nil)
		}},
		{"dsse-statement-unknown-type_fail", "a statement of a version that nobody knows", "statement cannot be read", func(s S) bundleCase {
			p := managed(planDSSE2(s))
			p.Statement = statement(map[string]any{"_type": "https://in-toto.io/Statement/v2"})
			return as(s, p, nil)
		}},
		{"dsse-with-hashedrekord-invalid-sig_fail", "the signature of a statement that is logged as a hash is another's", "transparency log signature does not match", func(s S) bundleCase {
			return as(s, planDSSE(s, sigstoretest.KindHashed), func(b *protobundle.Bundle) { b.GetDsseEnvelope().Signatures[0].Sig = flip(sigstoretest.Signature(b)) })
		}},
		{"dsse-with-hashedrekord-mismatch-envelope_fail", "the log holds the hash of another statement", "transparency log", func(s S) bundleCase {
			return swapped(s, planDSSE(s, sigstoretest.KindHashed), true)
		}},
		{"dsse-with-hashedrekord-mismatch-sig_fail", "the log holds another signature over the same hash", "transparency log signature does not match", func(s S) bundleCase {
			return swapped(s, planDSSE(s, sigstoretest.KindHashed), false)
		}},
		{"inclusion-proof-corrupted-hash_fail", "a bit of the inclusion proof is flipped", "the proof leads elsewhere", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) {
				p := entry(b).InclusionProof
				p.Hashes[0] = flip(p.Hashes[0])
			})
		}},
		{"incorrect-public-key_fail", "the log holds another key", "it is no Sigstore bundle", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) {
				leaf := s.Fulcio.Certify(sigstoretest.NewKey(protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256).Public(), *subject(s))
				sum := sha256.Sum256(artifact)
				body := sigstoretest.HashedRekord(crypto.SHA256, sum[:], sigstoretest.Signature(b), sigstoretest.Verifier{Certificate: leaf.Raw})
				b.VerificationMaterial.TlogEntries[0] = s.V1.Enter(body, present)
			})
		}},
		{"integrated-time-in-future_fail", "the log's time is after the certificate's end", "outside certificate validity", func(s S) bundleCase {
			p := planV1(s)
			p.Promised = present.AddDate(50, 0, 0)
			return as(s, p, nil)
		}},
		{"intoto-expired-certificate_fail", "the certificate's time is beyond that of its authority", "trusts its certificate authority until", func(s S) bundleCase {
			return under(s, planDSSE(s, sigstoretest.KindInToto), func(r *sigstoretest.Root) {
				r.Authorities = []map[string]any{s.Fulcio.Listed(present.Add(-time.Hour), present.Add(-time.Minute))}
			})
		}},
		{"intoto-log-entry-mismatch_fail", "the log entry is of another artifact", "transparency log", func(s S) bundleCase {
			return swapped(s, planDSSE(s, sigstoretest.KindInToto), true)
		}},
		{"intoto-missing-inclusion-proof_fail", "a bundle v0.2 whose entry is not proved", "it is no Sigstore bundle", func(s S) bundleCase {
			p := planDSSE(s, sigstoretest.KindInToto)
			p.MediaType = sigstoretest.V02
			return as(s, p, func(b *protobundle.Bundle) { entry(b).InclusionProof = nil })
		}},
		{"intoto-set-outside-signing-cert-validity_fail", "the log's time is outside the certificate's", "outside certificate validity", func(s S) bundleCase {
			p := planDSSE(s, sigstoretest.KindInToto)
			p.Promised = present.Add(time.Hour)
			return as(s, p, nil)
		}},
		{"intoto-tsa-timestamp-outside-cert-validity_fail", "the timestamp is outside the certificate's time, and the log's inside", "its certificate was valid", func(s S) bundleCase {
			p := planDSSE(s, sigstoretest.KindInToto)
			p.Stamps = []time.Time{present.Add(time.Hour)}
			return as(s, p, nil)
		}},
		{"invalid-checkpoint-signature_fail", "the checkpoint's signature is another's", "its log entry", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) {
				signedAgain(b, s.V1, func(lines []string) []string { return lines })
				c := entry(b).InclusionProof.Checkpoint
				body, _, _ := strings.Cut(c.Envelope, "\n\n")
				c.Envelope = body + "\n\n" + s.V1.Sign("something else\n")
			})
		}},
		{"invalid-ct-key_fail", "the certificate log has another key in the root", "certificate log", func(s S) bundleCase {
			return under(s, planV1(s), func(r *sigstoretest.Root) {
				listed := sigstoretest.NewCTLog().Listed(present.Add(-time.Hour), time.Time{})
				listed["logId"] = r.CTLogs[0]["logId"]
				r.CTLogs = []map[string]any{listed}
			})
		}},
		{"invalid-inclusion-proof_fail", "the inclusion proof is of an older tree", "the proof leads elsewhere", func(s S) bundleCase {
			old := s.V1.Prove(0)
			return as(s, planV1(s), func(b *protobundle.Bundle) { entry(b).InclusionProof = old })
		}},
		{"managed-key-and-client-identity_fail", "both a key and an identity are given", "not both", func(s S) bundleCase {
			c := as(s, managed(planV1(s)), nil)
			c.both = true
			return c
		}},
		{"managed-key-no-key_fail", "signed with a key, and an identity is expected", "no key is trusted", func(s S) bundleCase {
			c := as(s, managed(planV1(s)), nil)
			c.key = nil
			return c
		}},
		{"managed-key-wrong-key_fail", "another key is expected", "none of the trusted keys", func(s S) bundleCase {
			c := as(s, managed(planV1(s)), nil)
			c.key = sigstoretest.NewKey(protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256).PEM()
			return c
		}},
		{"message-digest-mismatch_fail", "the bundle says another digest than the artifact has", "digest", func(s S) bundleCase {
			return as(s, managed(planV1(s)), func(b *protobundle.Bundle) {
				d := b.GetMessageSignature().MessageDigest
				d.Digest = flip(d.Digest)
			})
		}},
		{"rekor2-checkpoint-missing-log-signature_fail", "the log has not signed the checkpoint", "checkpoint", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) {
				c := entry(b).InclusionProof.Checkpoint
				body, _, _ := strings.Cut(c.Envelope, "\n\n")
				c.Envelope = body + "\n\n"
			})
		}},
		{"rekor2-checkpoint-missing-origin_fail", "the checkpoint does not say whose it is", "checkpoint", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) { signedAgain(b, s.V2, without(0)) })
		}},
		{"rekor2-checkpoint-missing-size_fail", "the checkpoint has no size", "checkpoint", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) { signedAgain(b, s.V2, without(1)) })
		}},
		{"rekor2-checkpoint-missing-root-hash_fail", "the checkpoint has no hash", "checkpoint", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) { signedAgain(b, s.V2, without(2)) })
		}},
		{"rekor2-checkpoint-no-matching-signature_fail", "the checkpoint is signed under another name", "checkpoint", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) {
				c := entry(b).InclusionProof.Checkpoint
				body, _, _ := strings.Cut(c.Envelope, "\n\n")
				c.Envelope = body + "\n\n" + s.V2.SignAs("somebody.else.test", s.V2.ID()[:4], body+"\n")
			})
		}},
		{"rekor2-dsse-invalid-sig_fail", "the statement is signed with another key", "the proof leads elsewhere", func(s S) bundleCase {
			return as(s, planDSSE2(s), func(b *protobundle.Bundle) {
				b.GetDsseEnvelope().Signatures[0].Sig = sigstoretest.Signature(second(s, planDSSE2(s)))
			})
		}},
		{"rekor2-dsse-mismatch-envelope_fail", "the log holds another statement", "the proof leads elsewhere", func(s S) bundleCase { return swapped(s, planDSSE2(s), true) }},
		{"rekor2-dsse-mistmatch-envelope_fail", "an older name of rekor2-dsse-mismatch-envelope_fail", "the proof leads elsewhere", func(s S) bundleCase { return swapped(s, planDSSE2(s), true) }},
		{"rekor2-dsse-mismatch-sig_fail", "the log holds another signature of the statement", "the proof leads elsewhere", func(s S) bundleCase { return swapped(s, planDSSE2(s), false) }},
		{"rekor2-dsse-mistmatch-sig_fail", "an older name of rekor2-dsse-mismatch-sig_fail", "the proof leads elsewhere", func(s S) bundleCase { return swapped(s, planDSSE2(s), false) }},
		{"rekor2-multiple-timestamps-one-outside-cert-validity_fail", "the first of two timestamps is inside the certificate's time, the second outside", "its certificate was valid", func(s S) bundleCase {
			p := planV2(s)
			p.Stamps = []time.Time{present, present.Add(time.Hour)}
			return as(s, p, nil)
		}},
		{"rekor2-no-inclusion-proof_fail", "an entry of Rekor v2 that is not proved", "it is no Sigstore bundle", func(s S) bundleCase {
			return as(s, planV2(s), func(b *protobundle.Bundle) { entry(b).InclusionProof = nil })
		}},
		{"rekor2-no-timestamp_fail", "nobody says when it was signed", "nobody says when", func(s S) bundleCase {
			p := planV2(s)
			p.Stamps = nil
			return as(s, p, nil)
		}},
		{"rekor2-timestamp-outside-trust-root-tsa-validity_fail", "the timestamp is later than the root trusts its authority", "after the validity period end", func(s S) bundleCase {
			return under(s, planV2(s), func(r *sigstoretest.Root) {
				r.Stampers = []map[string]any{s.TSA.Listed(present.Add(-time.Hour), present.Add(-time.Second))}
			})
		}},
		{"rekor2-timestamp-outside-tsa-cert-validity_fail", "the timestamp is later than the authority's certificate", "timestamp", func(s S) bundleCase {
			s.TSA = sigstoretest.NewStamper(s.TSA.URI, present, present.Add(-time.Hour), present.Add(-time.Minute))
			return as(s, planV2(s), nil)
		}},
		{"rekor2-timestamp-payload-mismatch_fail", "the timestamp is of another signature", "hashed messages don't match", func(s S) bundleCase {
			p := planV2(s)
			p.Stamps = nil
			return as(s, p, func(b *protobundle.Bundle) {
				sigstoretest.AddStamp(b, s.TSA.Stamp([]byte("another signature"), present, false))
			})
		}},
		{"rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail", "an authority that is not in the root, with its certificate", "its timestamp does not verify", func(s S) bundleCase { return stranger(s, true) }},
		{"rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail", "an authority that is not in the root", "its timestamp does not verify", func(s S) bundleCase { return stranger(s, false) }},
		{"rekor2-timestamp-with-incorrect-time_fail", "the timestamp is outside the certificate's time", "its certificate was valid", func(s S) bundleCase {
			p := planV2(s)
			p.Stamps = []time.Time{present.Add(time.Hour)}
			return as(s, p, nil)
		}},
		{"rekor2-timestamp-wrong-tsa-validity-borrow_fail", "another authority, without a certificate, is trusted at the time of the timestamp", "cert chain is empty", func(s S) bundleCase {
			return under(s, planV2(s), func(r *sigstoretest.Root) {
				none := s.TSA.Listed(present.Add(-time.Minute), present.Add(time.Hour))
				none["certChain"] = map[string]any{"certificates": []any{}}
				r.Stampers = []map[string]any{s.TSA.Listed(present.Add(-time.Hour), present.Add(-time.Second)), none}
			})
		}},
		{"set-invalid-signature_fail", "the log's promise is another's", "its log entry", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) {
				e := entry(b)
				e.InclusionPromise.SignedEntryTimestamp = flip(e.InclusionPromise.SignedEntryTimestamp)
			})
		}},
		{"signature-mismatch_fail", "the signature is another's", "transparency log signature does not match", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) {
				b.GetMessageSignature().Signature = sigstoretest.Signature(second(s, planV1(s)))
			})
		}},
		{"trust-root-tlog-missing-validity-start_fail", "the root does not say from when the log is trusted", "start time", func(s S) bundleCase {
			return under(s, planV1(s), func(r *sigstoretest.Root) {
				r.Tlogs[0]["publicKey"].(map[string]any)["validFor"] = map[string]any{"end": present.AddDate(1, 0, 0).Format(time.RFC3339)}
			})
		}},
		{"wrong-hashedrekord-artifact_fail", "the log entry is of another artifact", "it is no Sigstore bundle", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) {
				sum := sha256.Sum256([]byte("another artifact"))
				body := sigstoretest.HashedRekord(crypto.SHA256, sum[:], sigstoretest.Signature(b), sigstoretest.Verifier{Certificate: b.VerificationMaterial.GetCertificate().GetRawBytes()})
				b.VerificationMaterial.TlogEntries[0] = s.V1.Enter(body, present)
			})
		}},
		{"wrong-hashedrekord-cert-and-sig_fail", "the log entry is of another certificate and signature", "transparency log", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries[0] = entry(second(s, planV1(s))) })
		}},
		{"wrong-hashedrekord-entry_fail", "the log entry is of another signing", "transparency log", func(s S) bundleCase {
			return as(s, planV1(s), func(b *protobundle.Bundle) {
				p := planV1(s)
				p.Artifact = []byte("another artifact")
				b.VerificationMaterial.TlogEntries[0] = entry(second(s, p))
			})
		}},
		{"wrong-material_fail", "all is of another artifact", "signature does not verify", func(s S) bundleCase {
			p := planV1(s)
			p.Artifact = []byte("another artifact")
			return as(s, p, nil)
		}},
	}
}

func versioned(s *sigstoretest.Sigstore, mediaType string) bundleCase {
	p := planV1(s)
	p.MediaType = mediaType
	return as(s, p, func(b *protobundle.Bundle) {
		if mediaType == sigstoretest.V01 {
			entry(b).InclusionProof = nil
		}
	})
}

// swapped is a bundle whose log entry is of a second one that the same
// certificate or key signed: of another statement, or of the same once more.
func swapped(s *sigstoretest.Sigstore, p sigstoretest.Plan, anotherStatement bool) bundleCase {
	p.Key = sigstoretest.NewKey(protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256)
	first := s.Sign(p)
	if anotherStatement {
		p.Statement = statement(map[string]any{"predicateType": "https://example.test/another"})
	}
	again := s.Sign(p)
	// The very same certificate: only what was signed differs.
	again.VerificationMaterial.Content = first.VerificationMaterial.Content
	again.VerificationMaterial.TlogEntries = first.VerificationMaterial.TlogEntries
	return bundleCase{bundle: sigstoretest.JSON(again), root: s.Root().JSON()}
}

// stranger is a bundle whose timestamp is of an authority that is not listed.
func stranger(s *sigstoretest.Sigstore, embed bool) bundleCase {
	p := planV2(s)
	p.Stamps = nil
	unknown := sigstoretest.New(s.Now).TSA
	return as(s, p, func(b *protobundle.Bundle) {
		sigstoretest.AddStamp(b, unknown.Stamp(sigstoretest.Signature(b), present, embed))
	})
}

// witness is somebody else's signature under b's checkpoint.
func witness(b *protobundle.Bundle) string {
	body, _, _ := strings.Cut(entry(b).InclusionProof.Checkpoint.Envelope, "\n\n")
	w := sigstoretest.NewLogV2()
	w.Origin = "witness.test"
	return w.Sign(body + "\n")
}

// secondKey is a signature under the log's own name with a key that the root
// does not list.
func secondKey(s *sigstoretest.Sigstore, b *protobundle.Bundle) string {
	body, _, _ := strings.Cut(entry(b).InclusionProof.Checkpoint.Envelope, "\n\n")
	l := sigstoretest.NewLogV2()
	l.Origin = s.V2.Origin
	return l.Sign(body + "\n")
}
