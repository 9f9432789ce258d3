# The pipeline as its owner wants it: what was tested is what was built, and nothing else comes out of it.
# Arguments: $expires, $files (the source's files), and the public keys $tester and $builder as {KEYID: KEY}.
{
  _type: "layout",
  readme: "greet: tested, then built from exactly what was tested.",
  expires: $expires,
  keys: ($tester + $builder),
  inspect: [],
  steps: [
    {
      _type: "step", name: "test", threshold: 1, pubkeys: ($tester | keys),
      expected_command: ["go", "test", "-count=1", "./..."],
      expected_materials: (($files | map(["REQUIRE", .], ["ALLOW", .])) + [["DISALLOW", "*"]]),
      expected_products: (($files | map(["MATCH", ., "WITH", "MATERIALS", "FROM", "test"])) + [["DISALLOW", "*"]])
    },
    {
      _type: "step", name: "build", threshold: 1, pubkeys: ($builder | keys),
      expected_command: ["bash", "../produce/build.sh", "."],
      expected_materials: (($files | map(["MATCH", ., "WITH", "PRODUCTS", "FROM", "test"])) + [["DISALLOW", "*"]]),
      expected_products: [["CREATE", "dist/greet_*"], ["CREATE", "dist/SHA256SUMS"], ["DISALLOW", "*"]]
    }
  ]
}
