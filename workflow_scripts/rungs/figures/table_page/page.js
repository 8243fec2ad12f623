// Makes the table sortable and searchable with DataTables, whose code is on the page, compressed.
const packed = Uint8Array.from(
  atob(document.getElementById("datatables").textContent), (letter) => letter.charCodeAt(0));
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
const code = new Blob([await new Response(unpacked).text()], { type: "text/javascript" });
const address = URL.createObjectURL(code);
const { default: DataTable } = await import(address);
URL.revokeObjectURL(address);

// What is not known comes last, whichever way a column of numbers is sorted.
const unknownLast = (way) => (a, b) => isNaN(a) - isNaN(b) || way * (a - b) || 0;
const order = DataTable.ext.type.order;
order["measured-pre"] = (value) => (value === "" ? NaN : Number(value));
order["measured-asc"] = unknownLast(1);
order["measured-desc"] = unknownLast(-1);

const rows = document.querySelectorAll("tbody tr").length;
const pages = rows > 60;
const table = new DataTable("table", {
  autoWidth: false,
  columnDefs: [{ targets: ".number", type: "measured" }],
  language: {
    info: "_START_ to _END_ of _TOTAL_ rows",
    infoEmpty: "0 rows",
    infoFiltered: "(_MAX_ without the search)",
    emptyTable: "This table has no rows.",
    lengthMenu: "_MENU_ rows a page",
    search: "Search",
    zeroRecords: "No row holds this.",
  },
  layout: {
    topStart: "search",
    topEnd: pages ? "pageLength" : null,
    bottomStart: "info",
    bottomEnd: pages ? "paging" : null,
  },
  lengthMenu: [50, 200, { label: "all", value: -1 }],
  order: [],
  paging: pages,
});

// Whoever has no mouse scrolls with the keys.
const box = table.table().node().parentElement;
box.tabIndex = 0;
box.setAttribute("role", "region");
box.setAttribute("aria-labelledby", "title");
