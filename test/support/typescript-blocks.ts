import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';

/** A fenced block of a page; `line` is the line of its fence, counted from one. */
export interface Block {
  readonly page: string;
  readonly line: number;
  readonly info: string;
  readonly text: string;
}

export interface Surroundings {
  /** Modules whose exports a block without imports may use; the first one that exports a name wins. */
  readonly modules: readonly string[];
  /** Declarations of the names that belong to the reader's application. */
  readonly declarations: Readonly<Record<string, string>>;
  /** Modules that are not installed here: what their files declare, by the name of the module. */
  readonly absent: Readonly<Record<string, string>>;
}

export interface Fault {
  readonly page: string;
  /** The line of the block's fence. */
  readonly block: number;
  readonly line: number;
  readonly message: string;
}

/** Returns every fenced block, also those in lists, with tildes or with longer fences. */
export function blocksOf(page: string, markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; line: number; info: string; indent: number; text: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    const [, indent = '', fence = '', info = ''] = /^([ >]*)(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      if (fence !== '') open = { fence, line: index + 1, info: info.trim(), indent: indent.length, text: [] };
    } else if (fence.startsWith(open.fence) && info.trim() === '') {
      blocks.push({ page, line: open.line, info: open.info, text: open.text.join('\n') });
      open = undefined;
    } else {
      open.text.push(line.slice(Math.min(open.indent, line.search(/[^ >]|$/))));
    }
  }
  if (open !== undefined) throw new Error(`${page}:${open.line} opens a block that nothing closes`);
  return blocks;
}

/** Type-checks all blocks in one program, each as a module of its own, with the compiler options of the workspace. */
export function faultsOf(blocks: readonly Block[], surroundings: Surroundings): Fault[] {
  const { config } = ts.readConfigFile('tsconfig.json', (path) => readFileSync(path, 'utf8')) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, resolve('.'));

  // The first program is only asked for the exports, so that the second one finds every file parsed and bound.
  const absent = new Map(
    Object.entries(surroundings.absent).map(([name, text]) => [resolve('absent', `${name}.ts`), text]),
  );
  for (const name of Object.keys(surroundings.absent)) options.paths![name] = [resolve('absent', `${name}.ts`)];
  const index = resolve('exports.ts');
  const imports = surroundings.modules.map((name, n) => `import * as m${n} from '${name}';`).join('\n');
  const first = programOf(new Map([...absent, [index, imports]]), options);
  const exported = exportsOf(first, index, surroundings.modules);

  const modules = new Map(
    blocks.map((block) => [
      resolve(`${block.page}.${block.line}.ts`),
      { block, text: moduleOf(block.text, exported, surroundings.declarations) },
    ]),
  );
  const files = new Map([...absent, ...[...modules].map(([path, { text }]) => [path, text] as const)]);
  const program = programOf(files, options, first);
  const [wrong] = [...absent.keys()].flatMap((path) => program.getSemanticDiagnostics(program.getSourceFile(path)));
  if (wrong) throw new Error(ts.flattenDiagnosticMessageText(wrong.messageText, '\n'));
  return [...modules].flatMap(([path, { block }]) => {
    const source = program.getSourceFile(path);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ file, start = 0, messageText }) => ({
      page: block.page,
      block: block.line,
      // The first line of the module is what surrounds the block, and stands where its fence does.
      line: block.line + (file?.getLineAndCharacterOfPosition(start).line ?? 0),
      message: ts.flattenDiagnosticMessageText(messageText, '\n'),
    }));
  });
}

/** Returns the calls of a function that a block shows, as it is written, or that its options are given to. */
export function callsIn(text: string, callee: string): string[] {
  const [before, after] = frameOf(text);
  const source = sourceOf(`${before}\n${text}\n${after}`);
  const calls: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText() === callee) calls.push(node.getText());
    ts.forEachChild(node, visit);
  };
  visit(source);
  return calls;
}

/** Returns CommonJS, with decorators and their metadata as Nest needs them. */
export function commonJsOf(text: string): string {
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.CommonJS,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}

/** Returns a module whose first line has what the block lacks; the block begins on the second one. */
function moduleOf(text: string, exported: ReadonlyMap<string, string>, declarations: Surroundings['declarations']) {
  const [before, after] = frameOf(text);
  const framed = `${before}\n${text}\n${after}`;
  const { used, declared, imports } = namesOf(framed);
  const own = Object.keys(declarations).filter((name) => used.has(name) && !declared.has(name));
  const preamble = own.map((name) => declarations[name]).join(' ');
  const wanted = new Set([...(imports ? [] : used), ...namesOf(preamble).used]);
  const automatic = [...wanted].filter((name) => exported.has(name) && !declared.has(name) && !own.includes(name));
  return [...automatic.map((name) => exported.get(name)), preamble, 'export {};', framed].join(' ');
}

/** Returns what surrounds a fragment: a call for options of the module, a class for members, nothing for statements. */
function frameOf(text: string): readonly [before: string, after: string] {
  const options = ['SecurityModule.forRoot({', '});'] as const;
  const members = ['class Fragment {', '}'] as const;
  const parses = ([before, after]: readonly [string, string]) => {
    const { diagnostics } = ts.transpileModule(`${before}\n${text}\n${after}`, {
      reportDiagnostics: true,
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, experimentalDecorators: true },
    });
    return diagnostics?.length === 0;
  };
  // `cors: { … }` parses as a statement with a label as well, which checks nothing; `const = 5` as a member of a class.
  const hasLabel = (node: ts.Node): boolean => ts.isLabeledStatement(node) || ts.forEachChild(node, hasLabel) === true;
  if (hasLabel(sourceOf(text))) return options;
  return text.startsWith('@') && !parses(['', '']) && parses(members) ? members : ['', ''];
}

function namesOf(text: string) {
  const source = sourceOf(text);
  const used = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) used.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  const declared = new Set<string>();
  const bind = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) declared.add(name.text);
    else for (const element of name.elements) if (ts.isBindingElement(element)) bind(element.name);
  };
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      const { name, namedBindings } = statement.importClause ?? {};
      if (name) declared.add(name.text);
      if (namedBindings && ts.isNamespaceImport(namedBindings)) declared.add(namedBindings.name.text);
      if (namedBindings && ts.isNamedImports(namedBindings)) namedBindings.elements.forEach((one) => bind(one.name));
    } else if (ts.isVariableStatement(statement)) {
      statement.declarationList.declarations.forEach((declaration) => bind(declaration.name));
    } else if (
      (ts.isClassDeclaration(statement) ||
        ts.isFunctionDeclaration(statement) ||
        ts.isInterfaceDeclaration(statement) ||
        ts.isTypeAliasDeclaration(statement) ||
        ts.isEnumDeclaration(statement)) &&
      statement.name
    ) {
      declared.add(statement.name.text);
    }
  }
  return { used, declared, imports: source.statements.some((statement) => ts.isImportDeclaration(statement)) };
}

/** Returns an import for every name that the modules export. */
function exportsOf(program: ts.Program, index: string, modules: readonly string[]): ReadonlyMap<string, string> {
  const checker = program.getTypeChecker();
  const exported = new Map<string, string>();
  const statements = program.getSourceFile(index)?.statements.filter((one) => ts.isImportDeclaration(one)) ?? [];
  for (const [n, { moduleSpecifier }] of statements.entries()) {
    const module = checker.getSymbolAtLocation(moduleSpecifier);
    if (module === undefined) throw new Error(`There is no module ${modules[n]}`);
    for (const symbol of checker.getExportsOfModule(module)) {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const kind = target.flags & ts.SymbolFlags.Value ? '' : 'type ';
      if (symbol.name !== 'default' && !exported.has(symbol.name)) {
        exported.set(symbol.name, `import { ${kind}${symbol.name} } from '${modules[n]}';`);
      }
    }
  }
  return exported;
}

function programOf(files: ReadonlyMap<string, string>, options: ts.CompilerOptions, old?: ts.Program) {
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.getSourceFile = (path, language, ...rest) => {
    const text = files.get(path);
    if (text !== undefined) return ts.createSourceFile(path, text, language, true);
    return old?.getSourceFile(path) ?? getSourceFile(path, language, ...rest);
  };
  return ts.createProgram({ rootNames: [...files.keys()], options, host, oldProgram: old });
}

function sourceOf(text: string): ts.SourceFile {
  return ts.createSourceFile('block.ts', text, ts.ScriptTarget.ES2022, true);
}
