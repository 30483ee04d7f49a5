// Identifiers made in the browser: UUIDv7 (RFC 9562, section 5.7) in the TypeID text form of the wire.

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LENGTH = 26;

/**
 * Return the 16 bytes of a version 7 UUID.
 *
 * @param {number} nowMs milliseconds since the epoch; 48 bits of it are used
 * @param {Uint8Array} random ten random bytes, of which 74 bits are used
 * @returns {Uint8Array}
 */
export function uuid7(nowMs, random) {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, Math.floor(nowMs / 2 ** 32));
    view.setUint32(2, nowMs % 2 ** 32);
    bytes.set(random.subarray(0, 10), 6);
    view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f));
    view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
    return bytes;
}

/**
 * Return the TypeID form of 16 raw bytes.
 *
 * @param {string} kind the prefix, such as `op`
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function typeId(kind, bytes) {
    let number = 0n;
    for (const byte of bytes) {
        number = (number << 8n) | BigInt(byte);
    }
    let suffix = "";
    for (let shift = BigInt(5 * (SUFFIX_LENGTH - 1)); shift >= 0n; shift -= 5n) {
        suffix += ALPHABET.charAt(Number((number >> shift) & 31n));
    }
    return `${kind}_${suffix}`;
}

/**
 * Return the operation id of the nth attempt to pay for a hold. All tabs of a buyer make the same one, so that two that
 * pay at the same moment pay once. It differs from the hold's own in its lowest bits, which are random in both.
 *
 * @param {string} hold
 * @param {number} attempt from 0
 */
export function paymentOperation(hold, attempt) {
    const suffix = hold.slice(hold.lastIndexOf("_") + 1);
    let number = 0n;
    for (const letter of suffix) {
        number = (number << 5n) | BigInt(ALPHABET.indexOf(letter));
    }
    number ^= BigInt(attempt + 1);
    const bytes = new Uint8Array(16);
    for (let at = 15; at >= 0; at--) {
        bytes[at] = Number(number & 0xffn);
        number >>= 8n;
    }
    return typeId("op", bytes);
}

/**
 * Return a new operation id. Only its order relative to this browser's other ids follows the clock, so a wrong clock
 * does no harm.
 *
 * @param {number} nowMs
 * @returns {string}
 */
export function newOperation(nowMs) {
    return typeId("op", uuid7(nowMs, crypto.getRandomValues(new Uint8Array(10))));
}
