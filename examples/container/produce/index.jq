# index.jq: of the SPDX documents of an index's images, one document about the index, --arg digest, made --arg now. The index
# contains the images, each with its digest, and they what their own documents say. All of it is under the licences of what
# is in it: the image adds nothing of its own.

def root: .relationships[] | select(.relationshipType == "DESCRIBES") | .relatedSpdxElement;
def image: root as $id | .packages[] | select(.SPDXID == $id);
def parts: root as $id | .packages[] | select(.SPDXID != $id);
def arch: image | .externalRefs[0].referenceLocator | capture("arch=(?<a>[a-z0-9]+)").a;
def licences: [parts | [.licenseConcluded, .licenseDeclared] | map(select(. != "NOASSERTION"))[0] | split(" AND ")[]] | unique | join(" AND ");

($digest | ltrimstr("sha256:")) as $hex
| {
    spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT", name: "greet",
    documentNamespace: "https://hallmark-project.dev/greet/spdx/\($hex)",
    creationInfo: {
      created: $now,
      creators: (["Organization: Greet maintainers (security@greet.hallmark-project.dev)"]
        + ([.[].creationInfo.creators[] | select(startswith("Tool: "))] | unique))
    },
    packages: (
      [{
        name: "greet", SPDXID: "SPDXRef-index", versionInfo: "1.2.0", supplier: "NOASSERTION", downloadLocation: "NOASSERTION", filesAnalyzed: false,
        checksums: [{algorithm: "SHA256", checksumValue: $hex}], licenseConcluded: (.[0] | licences), licenseDeclared: "NOASSERTION",
        copyrightText: "NOASSERTION", primaryPackagePurpose: "CONTAINER",
        externalRefs: [{referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: "pkg:oci/greet@sha256%3A\($hex)?tag=1.2.0"}]
      }]
      + [.[] | arch as $arch | licences as $licences | image | .SPDXID = "SPDXRef-image-\($arch)" | .licenseConcluded = $licences]
      + ([.[] | parts | del(.sourceInfo)] | unique_by(.SPDXID))
    ),
    relationships: (
      [{spdxElementId: "SPDXRef-DOCUMENT", relatedSpdxElement: "SPDXRef-index", relationshipType: "DESCRIBES"}]
      + [.[] | {spdxElementId: "SPDXRef-index", relatedSpdxElement: "SPDXRef-image-\(arch)", relationshipType: "CONTAINS"}]
      + [.[] | root as $id | arch as $arch | .relationships[]
          | select(.relationshipType == "CONTAINS" or .relationshipType == "DEPENDENCY_OF")
          | if .spdxElementId == $id then .spdxElementId = "SPDXRef-image-\($arch)" else . end]
      | unique
    )
  }
