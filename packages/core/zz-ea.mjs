// src/encryption/open-pgp.ts
import { randomBytes as randomBytes2 } from "node:crypto";
import * as openpgp from "openpgp";

// src/errors/backup-error.ts
var brand = /* @__PURE__ */ Symbol.for("@lifeboat/BackupError");
var BackupError = class extends Error {
  name = "BackupError";
  code;
  hint;
  [brand] = true;
  constructor(code, message, options = {}) {
    super(message, options.cause === void 0 ? void 0 : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
};
function isBackupError(error, code) {
  if (typeof error !== "object" || error === null || !(brand in error)) return false;
  return code === void 0 || error.code === code;
}

// src/streams/byte-reader.ts
var ByteReader = class {
  #iterator;
  #buffered = [];
  #bufferedBytes = 0;
  #ended = false;
  constructor(source) {
    this.#iterator = source[Symbol.asyncIterator]();
  }
  /** The next `count` bytes without consuming them; fewer only at the end of the source. */
  async peek(count) {
    await this.#fill(count);
    const first = this.#buffered[0];
    if (first !== void 0 && first.byteLength < count && this.#buffered.length > 1) {
      this.#buffered = [Buffer.concat(this.#buffered)];
    }
    const whole = this.#buffered[0] ?? new Uint8Array();
    return Buffer.from(whole.buffer, whole.byteOffset, Math.min(count, whole.byteLength));
  }
  /** Consumes exactly `count` bytes; fewer only at the end of the source. */
  async take(count) {
    await this.#fill(count);
    const wanted = Math.min(count, this.#bufferedBytes);
    const first = this.#buffered[0];
    if (first !== void 0 && first.byteLength > wanted) {
      this.#buffered[0] = first.subarray(wanted);
      this.#bufferedBytes -= wanted;
      return Buffer.from(first.buffer, first.byteOffset, wanted);
    }
    const out = Buffer.allocUnsafeSlow(wanted);
    let filled = 0;
    while (filled < wanted) {
      const chunk = this.#buffered[0];
      const part = chunk.byteLength <= wanted - filled ? chunk : chunk.subarray(0, wanted - filled);
      out.set(part, filled);
      filled += part.byteLength;
      if (part.byteLength === chunk.byteLength) this.#buffered.shift();
      else this.#buffered[0] = chunk.subarray(part.byteLength);
    }
    this.#bufferedBytes -= wanted;
    return out;
  }
  /** Everything that was not consumed. */
  async *rest() {
    const buffered = this.#buffered;
    this.#buffered = [];
    this.#bufferedBytes = 0;
    yield* buffered;
    while (!this.#ended) {
      const next = await this.#iterator.next();
      if (next.done) this.#ended = true;
      else yield next.value;
    }
  }
  /** Lets the source go before its end. */
  async close() {
    if (!this.#ended) await this.#iterator.return?.();
    this.#ended = true;
  }
  async #fill(count) {
    while (this.#bufferedBytes < count && !this.#ended) {
      const next = await this.#iterator.next();
      if (next.done) this.#ended = true;
      else if (next.value.byteLength > 0) {
        this.#buffered.push(next.value);
        this.#bufferedBytes += next.value.byteLength;
      }
    }
  }
};

// src/streams/web-streams.ts
function toWebStream(source) {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const next = await iterator.next();
          if (next.done) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          controller.error(error);
        }
      },
      async cancel() {
        await iterator.return?.();
      }
    },
    { highWaterMark: 0 }
  );
}
async function* fromWebStream(stream) {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (; ; ) {
      const next = await reader.read();
      if (next.done) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => {
    });
    reader.releaseLock();
  }
}

// src/encryption/integrity-protected-data.ts
import { createCipheriv, createDecipheriv, createHash, randomBytes, timingSafeEqual } from "node:crypto";

// src/streams/blocks.ts
async function* inBlocks(source, blockBytes, take = () => Buffer.allocUnsafeSlow(blockBytes)) {
  let block = take();
  let filled = 0;
  for await (const chunk of source) {
    let at = 0;
    while (at < chunk.byteLength) {
      const part = Math.min(blockBytes - filled, chunk.byteLength - at);
      block.set(at === 0 && part === chunk.byteLength ? chunk : chunk.subarray(at, at + part), filled);
      filled += part;
      at += part;
      if (filled === blockBytes) {
        yield block;
        block = take();
        filled = 0;
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
var BlockPool = class {
  constructor(blockBytes) {
    this.blockBytes = blockBytes;
  }
  blockBytes;
  #free = [];
  take = () => this.#free.pop() ?? Buffer.allocUnsafeSlow(this.blockBytes);
  /** Gives a block back, or the front of one; nobody may use it after. */
  give(block) {
    this.#free.push(Buffer.from(block.buffer, 0, this.blockBytes));
  }
};

// src/encryption/integrity-protected-data.ts
var partBytes = 2 ** 18;
var partialPart = 224 + 18;
var tagProtectedData = 192 | 18;
var tagLiteral = 192 | 11;
var tagMdc = Buffer.from([192 | 19, 20]);
var aesBlockBytes = 16;
var prefixBytes = aesBlockBytes + 2;
var mdcBytes = 22;
var literalHead = Buffer.from([98, 0, 0, 0, 0, 0]);
async function* protect(source, sessionKey) {
  const cipher = createCipheriv("aes-256-cfb", sessionKey, Buffer.alloc(aesBlockBytes));
  const hash = createHash("sha1");
  const encrypted = (async function* () {
    const random = randomBytes(aesBlockBytes);
    const prefix = Buffer.concat([random, random.subarray(-2)]);
    hash.update(prefix);
    yield cipher.update(prefix);
    for await (const piece of packet(tagLiteral, withHead(source), reused(partBytes))) {
      hash.update(piece);
      yield cipher.update(piece);
    }
    hash.update(tagMdc);
    yield cipher.update(Buffer.concat([tagMdc, hash.digest()]));
  })();
  const version = Buffer.from([1]);
  yield* packet(
    tagProtectedData,
    (async function* () {
      yield version;
      yield* encrypted;
    })()
  );
}
async function* withHead(source) {
  yield literalHead;
  yield* source;
}
function reused(bytes) {
  const block = Buffer.allocUnsafeSlow(bytes);
  return () => block;
}
async function* packet(tag, body, take) {
  let first = true;
  let last = Buffer.alloc(0);
  for await (const block of inBlocks(body, partBytes, take)) {
    if (block.byteLength < partBytes) {
      last = block;
      break;
    }
    yield Buffer.from(first ? [tag, partialPart] : [partialPart]);
    yield block;
    first = false;
  }
  const length = Buffer.from([255, 0, 0, 0, 0]);
  length.writeUInt32BE(last.byteLength, 1);
  yield first ? Buffer.concat([Buffer.from([tag]), length]) : length;
  if (last.byteLength > 0) yield last;
}
function peekProtected(firstBytes, sessionKey) {
  const decipher = createDecipheriv("aes-256-cfb", sessionKey, Buffer.alloc(aesBlockBytes));
  const plain = decipher.update(firstBytes);
  if (plain.byteLength < prefixBytes + 1) return void 0;
  if (plain[14] !== plain[16] || plain[15] !== plain[17]) return void 0;
  return plain[prefixBytes] === tagLiteral;
}
async function* unprotect(reader, sessionKey) {
  const decipher = createDecipheriv("aes-256-cfb", sessionKey, Buffer.alloc(aesBlockBytes));
  const hash = createHash("sha1");
  const plain = new PlainPackets();
  let version = true;
  for await (const chunk of packetBody(reader, tagProtectedData)) {
    const encrypted = version ? chunk.subarray(1) : chunk;
    version = false;
    const clear = decipher.update(encrypted);
    const upTo = plain.push(clear);
    for (const held of upTo.hashed) hash.update(held);
    yield* upTo.literal;
  }
  if ((await reader.peek(1)).byteLength > 0) throw damaged("bytes follow its end");
  const mdc = plain.finish();
  if (mdc === void 0 || !mdc.subarray(0, 2).equals(tagMdc)) throw damaged("it is cut short");
  hash.update(tagMdc);
  if (!timingSafeEqual(hash.digest(), mdc.subarray(2))) throw damaged("its integrity check fails");
}
async function* packetBody(reader, tag) {
  const head = await reader.take(1);
  if (head[0] !== tag) throw damaged("a packet is not where it belongs");
  for (; ; ) {
    const length = await takeLength(reader);
    let left = length.bytes;
    while (left > 0) {
      const chunk = await reader.take(Math.min(left, partBytes));
      if (chunk.byteLength === 0) throw damaged("it is cut short");
      left -= chunk.byteLength;
      yield chunk;
    }
    if (!length.partial) return;
  }
}
async function takeLength(reader) {
  const first = (await reader.take(1))[0];
  if (first === void 0) throw damaged("it is cut short");
  if (first < 192) return { bytes: first, partial: false };
  if (first >= 224 && first < 255) return { bytes: 2 ** (first & 31), partial: true };
  const rest = await reader.take(first < 224 ? 1 : 4);
  if (rest.byteLength < (first < 224 ? 1 : 4)) throw damaged("it is cut short");
  return { bytes: first < 224 ? (first - 192 << 8) + rest[0] + 192 : rest.readUInt32BE(0), partial: false };
}
var PlainPackets = class {
  #expecting = "prefix";
  #held = Buffer.alloc(0);
  #left = 0;
  #partial = false;
  #sawHead = false;
  /** What of the new bytes the integrity hash covers, and what of them is literal data. */
  push(clear) {
    const bytes = this.#held.byteLength === 0 ? clear : Buffer.concat([this.#held, clear]);
    const literal = [];
    let at = 0;
    let covered = 0;
    const has = (count) => bytes.byteLength - at >= count;
    parse: for (; ; ) {
      switch (this.#expecting) {
        case "prefix":
          if (!has(prefixBytes)) break parse;
          at += prefixBytes;
          this.#expecting = "tag";
          break;
        case "tag":
          if (!has(1)) break parse;
          if (bytes[at] !== tagLiteral) throw damaged("it does not hold what it should");
          at += 1;
          this.#expecting = "length";
          break;
        case "length": {
          const first = bytes[at];
          const size = first === void 0 ? 1 : first < 192 || first >= 224 && first < 255 ? 1 : first === 255 ? 5 : 2;
          if (!has(size)) break parse;
          this.#partial = first >= 224 && first < 255;
          this.#left = this.#partial ? 2 ** (first & 31) : size === 1 ? first : size === 5 ? bytes.readUInt32BE(at + 1) : (first - 192 << 8) + bytes[at + 1] + 192;
          at += size;
          this.#expecting = this.#sawHead ? "body" : "head";
          break;
        }
        case "head": {
          if (!has(2)) break parse;
          const size = 6 + bytes[at + 1];
          if (!has(size)) break parse;
          if (this.#left < size) throw damaged("its literal packet is too short");
          at += size;
          this.#left -= size;
          this.#sawHead = true;
          this.#expecting = "body";
          break;
        }
        case "body": {
          if (this.#left === 0) {
            this.#expecting = this.#partial ? "length" : "mdc";
            break;
          }
          if (!has(1)) break parse;
          const take = Math.min(this.#left, bytes.byteLength - at);
          literal.push(bytes.subarray(at, at + take));
          at += take;
          this.#left -= take;
          break;
        }
        case "mdc":
          break parse;
      }
    }
    covered = at;
    this.#held = bytes.subarray(at);
    if (this.#expecting === "mdc" && this.#held.byteLength > mdcBytes) throw damaged("bytes follow its integrity check");
    return { hashed: covered > 0 ? [bytes.subarray(0, covered)] : [], literal };
  }
  /** The 22 bytes of the modification detection code; undefined when the data ended before. */
  finish() {
    return this.#expecting === "mdc" && this.#held.byteLength === mdcBytes ? this.#held : void 0;
  }
};
function damaged(why) {
  return new BackupError("object-damaged", `the encrypted object is damaged: ${why}`, {
    hint: "use another backup or destination"
  });
}

// src/encryption/open-pgp.ts
var config = {
  aeadProtect: false,
  preferredSymmetricAlgorithm: openpgp.enums.symmetric.aes256,
  preferredCompressionAlgorithm: openpgp.enums.compression.uncompressed,
  s2kType: openpgp.enums.s2k.iterated,
  // The MDC is checked at the end of the stream; nothing is acted on before (see restore and verify).
  allowUnauthenticatedStream: true,
  showVersion: false,
  showComment: false
};
async function* encrypt(source, lock) {
  const to = lock.kind === "passphrase" ? { passwords: lock.passphrase } : { encryptionKeys: [...lock.keys] };
  const sessionKey = randomBytes2(32);
  let head;
  try {
    head = await openpgp.encryptSessionKey({
      data: sessionKey,
      algorithm: "aes256",
      ...to,
      format: "binary",
      config
    });
  } catch (error) {
    throw new BackupError("encryption-failed", `could not encrypt: ${said(error)}`, {
      cause: error,
      hint: "check the recipients: `lifeboat doctor`"
    });
  }
  yield head;
  yield* protect(source, sessionKey);
}
async function* decrypt2(source, unlock) {
  if (unlock.passphrase === void 0 && unlock.privateKeys.length === 0) throw noKey();
  const reader = new ByteReader(source);
  try {
    const front = readFront(await reader.peek(maxFrontBytes));
    if (front === void 0) throw damaged2();
    const sessionKeys = await openSessionKeys(front.sessionKeyPackets, unlock);
    const fits = sessionKeys.filter((one) => one.algorithm === "aes256").map((one) => ({ key: one.data, shape: peekProtected(front.firstBytes, one.data) }));
    const ours = fits.find((one) => one.shape === true);
    if (ours && front.version === 1) {
      await reader.take(front.sessionKeyPackets.byteLength);
      yield* unprotect(reader, ours.key);
      return;
    }
    yield* decryptByLibrary(reader.rest(), unlock);
  } finally {
    await reader.close();
  }
}
async function* decryptByLibrary(source, unlock) {
  let failed;
  const watched = (async function* () {
    try {
      yield* source;
    } catch (error) {
      failed = { error };
      throw error;
    }
  })();
  try {
    const message = await openpgp.readMessage({ binaryMessage: toWebStream(watched), config });
    const sessionKeys = await openSessionKeys(message, unlock);
    const plain = await openpgp.decrypt({ message, sessionKeys, format: "binary", config });
    yield* fromWebStream(plain.data);
  } catch (error) {
    if (failed !== void 0) throw failed.error;
    if (isBackupError(error)) throw error;
    throw damaged2(error);
  }
}
async function openSessionKeys(message, unlock) {
  const { symEncryptedIntegrityProtectedData, symEncryptedSessionKey, publicKeyEncryptedSessionKey } = openpgp.enums.packet;
  const has = (tag) => message.packets.filterByTag(tag).length > 0;
  const forPassphrase = has(symEncryptedSessionKey);
  const forKeys = has(publicKeyEncryptedSessionKey);
  if (!has(symEncryptedIntegrityProtectedData) || !(forPassphrase || forKeys)) throw damaged2();
  const ways = [];
  if (forKeys && unlock.privateKeys.length > 0) ways.push({ decryptionKeys: [...unlock.privateKeys] });
  if (forPassphrase && unlock.passphrase !== void 0) ways.push({ passwords: unlock.passphrase });
  if (ways.length === 0) throw noKey(forKeys ? "it is encrypted to public keys" : "it is encrypted with a passphrase");
  let failed;
  for (const way of ways) {
    try {
      return await openpgp.decryptSessionKeys({ message, ...way, config });
    } catch (error) {
      failed = error;
    }
  }
  throw new BackupError("wrong-key", "the key does not open this backup", {
    cause: failed,
    hint: "give the passphrase or the private key of one of the recipients that `lifeboat show` names"
  });
}
function damaged2(cause) {
  return new BackupError("object-damaged", "the encrypted object is damaged or cut short", {
    cause,
    hint: "use another backup or destination"
  });
}
function noKey(why) {
  return new BackupError("key-missing", `no key to open this backup with${why === void 0 ? "" : `: ${why}`}`, {
    hint: "set encryption.privateKey or encryption.passphrase in the configuration, or LIFEBOAT_PRIVATE_KEY / LIFEBOAT_PASSPHRASE in the environment"
  });
}
function said(error) {
  return error instanceof Error ? error.message.split("\n")[0] ?? error.name : String(error);
}

// src/codec/gzip-members.ts
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGunzip, gunzip, gzip } from "node:zlib";

// src/streams/ordered-parallel.ts
async function* orderedParallel(source, width, work) {
  const pending = [];
  try {
    for await (const value of source) {
      const result = work(value);
      result.catch(() => {
      });
      pending.push(result);
      if (pending.length >= width) yield await pending.shift();
    }
    while (pending.length > 0) yield await pending.shift();
  } finally {
    await Promise.allSettled(pending);
  }
}

// src/codec/codec.ts
var codecBlockBytes = 2 ** 20;
var codecWidth = 4;

// src/codec/gzip-members.ts
var gzipAsync = promisify(gzip);
var gunzipAsync = promisify(gunzip);
var headerBytes = 20;
var plainHeaderBytes = 10;
var maxMemberBytes = 8 * 2 ** 20;
var maxPlainBytes = 8 * 2 ** 20;
async function* gzipMembers(source, level) {
  let some = false;
  const pool = new BlockPool(codecBlockBytes);
  const members2 = orderedParallel(inBlocks(source, codecBlockBytes, pool.take), codecWidth, async (block) => {
    const bytes = await member(block, level);
    pool.give(block);
    return bytes;
  });
  for await (const bytes of members2) {
    some = true;
    yield bytes;
  }
  if (!some) yield await member(Buffer.alloc(0), level);
}
async function member(block, level) {
  const stock = await gzipAsync(block, { level, memLevel: 9, chunkSize: Math.max(64, block.byteLength >> 1) });
  const out = Buffer.allocUnsafeSlow(stock.byteLength + headerBytes - plainHeaderBytes);
  stock.copy(out, headerBytes, plainHeaderBytes);
  out.set([31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 76, 66, 4, 0]);
  out.writeUInt32LE(out.byteLength, 16);
  return out;
}
async function* gunzipMembers(source) {
  const reader = new ByteReader(source);
  try {
    const header = await reader.peek(headerBytes);
    if (header.byteLength === 0) throw damaged3("the gzip stream is empty");
    const length = memberLength(header);
    if (length === void 0) yield* inflateStream(reader.rest());
    else yield* orderedParallel(members(reader), codecWidth, inflateMember);
  } finally {
    await reader.close();
  }
}
async function* members(reader) {
  for (; ; ) {
    const header = await reader.peek(headerBytes);
    if (header.byteLength === 0) return;
    const length = memberLength(header);
    if (length === void 0) throw damaged3("a gzip member does not begin as it should");
    const bytes = await reader.take(length);
    if (bytes.byteLength < length) throw damaged3("the gzip stream is cut short");
    yield bytes;
  }
}
function memberLength(header) {
  if (header.byteLength < headerBytes || header.readUInt32BE(0) !== 529205252) return void 0;
  if (header.readUInt16LE(10) !== 8 || header.toString("latin1", 12, 14) !== "LB") return void 0;
  const length = header.readUInt32LE(16);
  return length > headerBytes && length <= maxMemberBytes ? length : void 0;
}
async function inflateMember(bytes) {
  try {
    const plainBytes = bytes.readUInt32LE(bytes.byteLength - 4);
    return await gunzipAsync(bytes, {
      chunkSize: Math.min(Math.max(64, plainBytes + 1), maxPlainBytes),
      maxOutputLength: maxPlainBytes
    });
  } catch (error) {
    throw damaged3("a gzip member does not inflate", error);
  }
}
async function* inflateStream(source) {
  const inflating = createGunzip();
  const feeding = pipeline(source, inflating);
  feeding.catch(() => {
  });
  try {
    yield* inflating;
    await feeding;
  } catch (error) {
    if (isZlibError(error)) throw damaged3("the gzip stream does not inflate", error);
    throw error;
  } finally {
    inflating.destroy();
  }
}
function isZlibError(error) {
  return error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
}
function damaged3(why, cause) {
  return new BackupError("object-damaged", why, {
    cause,
    hint: "the stored object is damaged; use another backup or destination"
  });
}

// src/streams/byte-source.ts
async function* bytesOf(...chunks) {
  for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}

// ../../../../tmp/ea/t1.ts
import { gzipSync } from "node:zlib";
import { randomBytes as randomBytes3 } from "node:crypto";
process.on("unhandledRejection", (e) => console.log("UNHANDLED", e));
var j = async (s) => {
  const c = [];
  for await (const x of s) c.push(x);
  return Buffer.concat(c);
};
var st = await j(encrypt(bytesOf("hello"), { kind: "passphrase", passphrase: "x" }));
try {
  console.log((await j(decrypt2(bytesOf(st), { passphrase: "x", privateKeys: [] }))).toString());
} catch (e) {
  console.log(e);
}
var t = (name, p) => Promise.race([p.then((v) => v.length, (e) => `${e.code} ${e.message}`), new Promise((r) => setTimeout(r, 4e3, "HANG"))]).then((v) => console.log(name, v));
for (const n of [0, 1, 5, 18]) await t("cut " + n, j(gunzipMembers(bytesOf(gzipSync("hello").subarray(0, n)))));
var two = Buffer.concat([gzipSync("a".repeat(1e3)), gzipSync("b".repeat(1e3))]);
for (const n of [1, 100, 1e3]) await t("chunks " + n, j(gunzipMembers((async function* () {
  for (let i = 0; i < two.length; i += n) yield two.subarray(i, i + n);
})())));
var src = () => (async function* () {
  yield gzipSync(randomBytes3(1e6)).subarray(0, 5e5);
  throw Object.assign(new Error("boom"), { code: "E" });
})();
await t("src err", j(gunzipMembers(src())));
await t("src err gz", j(gzipMembers(src(), 1)));
var rel = false;
var inf = (b) => (async function* () {
  try {
    for (; ; ) yield b;
  } finally {
    rel = true;
  }
})();
await t("early gunzip", (async () => {
  for await (const _ of gunzipMembers(inf(gzipSync(randomBytes3(3e6))))) break;
  return { length: rel };
})());
rel = false;
await t("early gzip", (async () => {
  for await (const _ of gzipMembers(inf(randomBytes3(3e6)), 1)) break;
  return { length: rel };
})());
process.exit();
