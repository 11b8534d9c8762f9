"""A bundle (docs/bundle.md) from outside: its graphs, its prompts, and a copy with other graphs in place of its own.

    python -m benchmarks.quantization.bundles BUNDLE      bytes of what a robot must store
"""
import hashlib
import json
import pathlib
import shutil
import sys

from training.tokenizer import Tokenizer

PARTS = ("encoder", "head")  # the graphs that run at each control step


class Bundle:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.manifest = json.loads((self.path / "policy.json").read_text())
        self.known = {**self.manifest, **self.manifest.get("settings", {})}
        file = self.manifest.get("tokenizer", {}).get("file")
        self.tokenizer = Tokenizer((self.path / file).read_bytes()) if file else None

    def __getitem__(self, key):
        return self.known[key]

    def graph(self, part):
        return self.path / self.manifest["graphs"][part]["file"]

    def prompt(self, instruction=None):
        """Token ids: of `instruction`, or the bundle's own."""
        if instruction is None or self.tokenizer is None:
            return self["prompt_ids"]
        return self.tokenizer.prompt(instruction, self["image_tokens"])

    def bytes_that_run(self):
        """Of encoder and head with their weights: what a robot must store. Not the whole-policy graph, which shares the
        weights of a bundle of vlaq's and keeps the source's in a foreign one."""
        files = set()
        for part in PARTS:
            files |= {self.graph(part), *external_files(self.graph(part))}
        return sum(file.stat().st_size for file in files)


def reason(error):
    """Both ends of what an engine says: where, and what."""
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:60]} ... {text[-130:]}"


def external_files(graph):
    import onnx  # slow to load
    model = onnx.load(graph, load_external_data=False)
    names = {entry.value for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == "location"}
    return {graph.parent / name for name in names}


def record(file):
    digest = hashlib.sha256()
    with open(file, "rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return {"file": file.name, "bytes": file.stat().st_size, "sha256": digest.hexdigest()}


def copy_with_graphs(source, target, make, precision):
    """A bundle at `target` whose encoder and head are what make(part, source graph, target graph) writes. The rest are
    links to the source's. (Symbolic: the onnx package refuses weights that have two hard links.)"""
    source, target = Bundle(source), pathlib.Path(target)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    own = {source.graph(part).name for part in PARTS}
    for file in source.path.iterdir():
        if file.name not in own | {"policy.json"}:
            (target / file.name).symlink_to(file.resolve())
    manifest = dict(source.manifest, precision=precision, graphs=dict(source["graphs"]))
    for part in PARTS:
        graph = target / source.graph(part).name
        make(part, source.graph(part), graph)
        manifest["graphs"][part] = {**manifest["graphs"][part], **record(graph)}
    (target / "policy.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    print(Bundle(sys.argv[1]).bytes_that_run())
