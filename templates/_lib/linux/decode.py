"""Decompress stdin to stdout where no zstd or gzip program is: any Python 3.6, nothing but the system's libzstd."""

import ctypes
import shutil
import sys

CHUNK = 1 << 17


def gzip_stream(source):
    import gzip

    return gzip.GzipFile(fileobj=source)


def zstd_stream(source):
    try:
        from compression import zstd

        return zstd.ZstdFile(source)
    except ImportError:
        pass
    try:
        import zstandard

        return zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
    except (ImportError, TypeError):
        return SystemZstd(source)


class Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer: a pointer, its size, how much of it is done."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("done", ctypes.c_size_t)]


class SystemZstd:
    """Reads frame after frame through libzstd.so.1, which dpkg, apt, rpm and systemd bring along."""

    def __init__(self, source):
        self.source = source
        self.lib = ctypes.CDLL("libzstd.so.1")
        self.lib.ZSTD_createDStream.restype = ctypes.c_void_p
        self.lib.ZSTD_decompressStream.restype = ctypes.c_size_t
        self.lib.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        self.lib.ZSTD_getErrorName.restype = ctypes.c_char_p
        self.lib.ZSTD_getErrorName.argtypes = [ctypes.c_size_t]
        self.lib.ZSTD_isError.argtypes = [ctypes.c_size_t]
        self.stream = self.lib.ZSTD_createDStream()
        self.output = ctypes.create_string_buffer(CHUNK)
        self.input = Buffer(None, 0, 0)
        self.chunk = None
        self.pending = 0
        self.full = False

    def read(self, _size):
        while True:
            if self.input.done == self.input.size and not self.full:
                data = self.source.read(CHUNK)
                if not data:
                    if self.pending:
                        raise EOFError("the zstd stream is cut short")
                    return b""
                self.chunk = ctypes.create_string_buffer(data, len(data))
                self.input = Buffer(ctypes.addressof(self.chunk), len(data), 0)
            made = Buffer(ctypes.addressof(self.output), CHUNK, 0)
            result = self.lib.ZSTD_decompressStream(self.stream, ctypes.byref(made), ctypes.byref(self.input))
            if self.lib.ZSTD_isError(result):
                raise ValueError(self.lib.ZSTD_getErrorName(result).decode())
            self.pending = result
            self.full = made.done == CHUNK and result != 0
            if made.done:
                return self.output.raw[: made.done]


def main(words):
    probe = "--probe" in words
    form = words[-1]
    stream = (gzip_stream if form == "tar.gz" else zstd_stream)(sys.stdin.buffer)
    if not probe:
        shutil.copyfileobj(stream, sys.stdout.buffer, CHUNK)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
