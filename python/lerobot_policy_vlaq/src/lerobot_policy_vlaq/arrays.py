"""Messages of openpi's protocol: msgpack, with NumPy's arrays and scalars as maps of bytes. Object, void and complex arrays have no place there."""
import msgpack
import numpy as np

MOST_BYTES = 1 << 30  # of one array: more is a mistake or an attack


def _pack(value):
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "VOc":
        raise ValueError(f"an array of {value.dtype} cannot be sent")
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, np.generic):
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _plain_dtype(text):
    dtype = np.dtype(text.decode() if isinstance(text, bytes) else text)
    if dtype.kind in "VOc":
        raise ValueError(f"an array of {dtype} is refused")
    return dtype


def _unpack(pairs):
    named = {key.decode() if isinstance(key, bytes) else key: value for key, value in pairs.items()}  # some write text for bytes
    if "__ndarray__" in named:
        dtype, shape = _plain_dtype(named["dtype"]), tuple(named["shape"])
        if any(not isinstance(extent, int) or extent < 0 for extent in shape):
            raise ValueError(f"an array has the shape {shape}")
        # copy(): what lies in the message may not be written to
        return np.frombuffer(named["data"], dtype=dtype).reshape(shape).copy()
    if "__npgeneric__" in named:
        return _plain_dtype(named["dtype"]).type(named["data"])
    return pairs


def encode(message):
    return msgpack.packb(message, default=_pack)


def decode(data):
    return msgpack.unpackb(data, object_hook=_unpack, max_bin_len=MOST_BYTES, strict_map_key=False)
