// htm's default export, bound to `h`.
declare const htm: {
    bind<H extends (...given: never[]) => unknown>(
        h: H,
    ): (strings: TemplateStringsArray, ...values: unknown[]) => ReturnType<H>;
};
export default htm;
