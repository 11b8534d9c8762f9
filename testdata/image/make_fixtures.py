#!/usr/bin/env python3
"""Makes the fixtures of module image with Pillow: what our decoder and resizer must reproduce bit for bit.

    pip install pillow==13.0.0 numpy safetensors
    python make_fixtures.py [--golden FOLDER_WITH_GOLDEN_CASES]

Writes beside itself
  resize.txt            one case a line: pattern, seed, width, height, filter, target width, target height, and two
                        SHA-256 of the resized bytes: horizontal pass first (Pillow up to 12), and as Pillow 13 does it.
                        The patterns are formulas, so that no source picture needs to be stored.
  resize_*.ppm          a few results in full, to look at when a hash differs
  *.jpg, *.png + .ppm   pictures in many encodings with the pixels that Pillow's convert("RGB") gives
  golden_*.png + .f32   a frame of a golden case and every 37th of its pixel values (only with --golden)
"""
import argparse, hashlib, io, pathlib, struct, zlib
import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
FILTERS = {"nearest": Image.NEAREST, "box": Image.BOX, "bilinear": Image.BILINEAR, "hamming": Image.HAMMING,
           "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
STRIDE = 37


def pattern(name, seed, w, h):
    """noise: any byte; extreme: 0 or 255 only, so that filters overshoot; smooth: a slope with some noise."""
    i = np.arange(w * h * 3, dtype=np.uint32)
    x = i * np.uint32(2654435761) + np.uint32(seed)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x2C1B3C6D)
    x ^= x >> np.uint32(12)
    if name == "noise":
        v = x & np.uint32(255)
    elif name == "extreme":
        v = (x & np.uint32(1)) * np.uint32(255)
    else:
        v = ((i // np.uint32(3)) % np.uint32(w) + (x & np.uint32(31))) & np.uint32(255)
    return v.astype(np.uint8).reshape(h, w, 3)


def ppm(name, image):
    a = np.asarray(image.convert("RGB"))
    (HERE / (name + ".ppm")).write_bytes(b"P6 %d %d 255\n" % (a.shape[1], a.shape[0]) + a.tobytes())


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def resize_cases():
    sizes = [((37, 23), (16, 16)), ((37, 23), (37, 11)), ((37, 23), (9, 23)), ((37, 23), (80, 61)), ((37, 23), (37, 23)),
             ((37, 23), (50, 7)), ((1, 1), (5, 4)), ((1, 9), (3, 3)), ((9, 1), (4, 2)), ((64, 48), (1, 1)),
             ((13, 200), (200, 13)), ((160, 90), (224, 224)), ((300, 300), (224, 224)), ((224, 100), (224, 224)),
             ((100, 224), (224, 224)), ((641, 479), (97, 83)), ((3, 2), (224, 224)), ((240, 424), (112, 112))]
    lines = []
    for filt in FILTERS:
        cases = [(p, s) for p in ("noise", "extreme") for s in sizes] + [("smooth", ((1280, 720), (224, 224)))]
        for n, (p, ((w, h), (tw, th))) in enumerate(cases):
            source = Image.fromarray(pattern(p, n, w, h))
            newer = source.resize((tw, th), FILTERS[filt]).tobytes()
            older = newer if filt == "nearest" else source.resize((tw, h), FILTERS[filt]).resize((tw, th), FILTERS[filt]).tobytes()
            lines.append(" ".join(map(str, (p, n, w, h, filt, tw, th, sha256(older), sha256(newer)))))
        ppm(f"resize_{filt}", Image.fromarray(pattern("noise", 0, 37, 23)).resize((16, 16), FILTERS[filt]))
    (HERE / "resize.txt").write_text("\n".join(lines) + "\n")


def scene(w=45, h=35):
    """Colour edges (for chroma upsampling) on a slope."""
    y, x = np.mgrid[0:h, 0:w]
    a = np.stack([x * 255 / w, y * 255 / h, (x + y) * 3 % 256], -1)
    a[8:20, 10:25] = (250, 20, 30)
    a[18:30, 20:40] = (10, 40, 240)
    return np.clip(a, 0, 255).astype(np.uint8)


def both(name, data):
    (HERE / name).write_bytes(data)
    ppm(name, Image.open(io.BytesIO(data)))


def encode(image, fmt, **options):
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def jpegs():
    im = Image.fromarray(scene())
    for name, sub in (("444", "4:4:4"), ("422", "4:2:2"), ("420", "4:2:0")):
        both(f"rgb_{name}.jpg", encode(im, "JPEG", quality=85, subsampling=sub))
    both("progressive.jpg", encode(im, "JPEG", quality=70, progressive=True))
    both("grey.jpg", encode(im.convert("L"), "JPEG", quality=80))
    both("restart.jpg", encode(im, "JPEG", quality=60, restart_marker_blocks=2))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees: must be ignored
    both("orientation.jpg", encode(im, "JPEG", quality=90, exif=exif))
    both("stored_as_rgb.jpg", encode(im, "JPEG", quality=90, keep_rgb=True))
    (HERE / "cmyk.jpg").write_bytes(encode(im.convert("CMYK"), "JPEG"))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(samples, depth, colour, interlaced=False, extra=b""):
    """A PNG written by hand, for the kinds that Pillow reads but does not write. samples: [h, w, channels]."""
    h, w, _ = samples.shape
    dtype = ">u2" if depth == 16 else "u1"
    def rows(a):
        return b"".join(b"\0" + r.astype(dtype).tobytes() for r in a)
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        body = b"".join(rows(samples[y::dy, x::dx]) for x, y, dx, dy in passes if samples[y::dy, x::dx].size)
    else:
        body = rows(samples)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, int(interlaced)))
            + extra + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b""))


def pngs():
    a = scene()
    im = Image.fromarray(a)
    rgba = np.dstack([a, np.arange(a.shape[0] * a.shape[1]).reshape(a.shape[:2]) % 256]).astype(np.uint8)
    both("rgb.png", encode(im, "PNG"))
    both("rgba.png", encode(Image.fromarray(rgba), "PNG"))
    both("grey.png", encode(im.convert("L"), "PNG"))
    both("grey_alpha.png", encode(Image.fromarray(rgba).convert("LA"), "PNG"))
    both("bilevel.png", encode(im.convert("1"), "PNG"))
    both("palette.png", encode(im.quantize(100), "PNG"))
    both("palette_4bit.png", encode(im.quantize(11), "PNG", bits=4))
    both("palette_transparent.png", encode(im.quantize(20), "PNG", transparency=3))
    grey16 = (np.arange(a.shape[0] * a.shape[1], dtype=np.uint32) * 41 % 65536).astype(np.uint16).reshape(a.shape[:2])
    grey16[:4] = grey16[:4] % 300
    both("grey_16bit.png", encode(Image.fromarray(grey16), "PNG"))
    wide = a.astype(np.uint16) * 251 + 17
    both("rgb_16bit.png", raw_png(wide, 16, 2))
    both("rgba_16bit.png", raw_png(np.dstack([wide, wide[..., :1]]), 16, 6))
    both("grey_alpha_16bit.png", raw_png(wide[..., :2], 16, 4))
    both("interlaced.png", raw_png(a, 8, 2, interlaced=True))
    both("grey_16bit_interlaced.png", raw_png(grey16[..., None], 16, 0, interlaced=True))
    both("gamma.png", raw_png(a, 8, 2, extra=chunk(b"gAMA", struct.pack(">I", 100000))))
    both("transparent_colour.png", raw_png(a, 8, 2, extra=chunk(b"tRNS", struct.pack(">HHH", 250, 20, 30))))
    two = np.array([[0b00011011, 0b11100100], [0b01010101, 0b10101010]], np.uint8)
    both("grey_2bit.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 2, 2, 0, 0, 0, 0))
         + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r.tobytes() for r in two))) + chunk(b"IEND", b""))
    (HERE / "wild_index.png").write_bytes(raw_png(np.full((4, 4, 1), 9, np.uint8), 8, 3, extra=chunk(b"PLTE", b"\1\2\3\4\5\6")))
    (HERE / "huge.png").write_bytes(raw_png(a, 8, 2).replace(struct.pack(">II", *a.shape[1::-1]), struct.pack(">II", 60000, 60000), 1))
    data = bytearray((HERE / "huge.png").read_bytes())   # a header that is whole, so that the size itself is refused
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    (HERE / "huge.png").write_bytes(bytes(data))


def golden(folder):
    from safetensors.numpy import load_file
    for case in ("micro909", "micro909_last_token"):
        t = load_file(pathlib.Path(folder) / case / "golden.safetensors")
        (HERE / f"golden_{case}.png").write_bytes(encode(Image.fromarray(t["frames.u8"][3]), "PNG", optimize=True))
        (HERE / f"golden_{case}.f32").write_bytes(t["pixel_values"][3].reshape(-1)[::STRIDE].astype("<f4").tobytes())


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--golden")
    args = args.parse_args()
    resize_cases()
    jpegs()
    pngs()
    if args.golden:
        golden(args.golden)
