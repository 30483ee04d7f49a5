// Files that a page gives to its reader.

/**
 * Give the reader a file.
 *
 * @param {string} name
 * @param {Blob} content
 */
export function save(name, content) {
    const address = URL.createObjectURL(content);
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    URL.revokeObjectURL(address);
}
