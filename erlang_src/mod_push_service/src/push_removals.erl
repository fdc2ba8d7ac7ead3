%% Why devices were removed: said in the log, and kept for a while for administrators, in the
%% store that the devices were in. With an account all that is known of its devices goes.
%%
%% Kept are the last MAX_PER_OWNER of an account, for 30 days. A device is told by its name for
%% clients and by the beginning of its token: with neither can anybody push. Where it cannot be
%% kept, the device is gone all the same, and the log has it.
-module(push_removals).

-behaviour(gen_server).

-export([gone/2, replaced/2, account_removed/2, list/1, init_store/2]).
%% Waits until what is too old is gone
-export([expire/0]).
-export([start_link/0, init/1, handle_call/3, handle_cast/2, handle_info/2]).
%% Pure
-export([why/2, kept/2]).

-export_type([removal/0]).

-include("logger.hrl").

-type device() :: push_devices:device().
-type us() :: push_devices:us().
-type removal() :: #{
    us := us(),
    app := binary(),
    node := binary(),                   %% as push_devices:node/2 has it
    token := binary(),                  %% its beginning
    kind := alert | voip,
    device_id := binary(),
    name := binary(),
    removed_at := non_neg_integer(),    %% Unix ms
    why := binary()
}.

-callback init(Host :: binary(), gen_mod:opts()) -> ok.
%% Removals of one owner; the oldest beyond Max go.
-callback add(us(), [removal()], Max :: pos_integer()) ->
    {ok, Dropped :: non_neg_integer()} | {error, db_failure}.
%% Without order.
-callback lookup(us()) -> {ok, [removal()]} | {error, db_failure}.
-callback forget(us()) -> ok | {error, db_failure}.
%% In the whole place, what is older than Before: some Limit of it, more: there may be more.
-callback expire(Host :: binary(), Before :: non_neg_integer(), Limit :: pos_integer()) ->
    done | more | {error, db_failure}.

%% Removals of an account: a few for each of its devices.
-define(MAX_PER_OWNER, 40).
%% Milliseconds that a removal is kept: a user complains within a month.
-define(KEPT, 30 * 24 * 3600 * 1000).
%% Milliseconds from one look for what is too old to the next.
-define(EXPIRE_INTERVAL, 3600 * 1000).
%% Removals, or owners, in one transaction.
-define(BATCH, 500).
%% Milliseconds.
-define(EXPIRE_TIMEOUT, 60000).

%% Devices that were just removed from the store.
-spec gone([device()], Why :: binary()) -> ok.
gone(Devices, Why) ->
    lists:foreach(fun(Device) -> log(Device, Why) end, Devices),
    keep([{Device, Why} || Device <- Devices]).

%% What this registration put an end to.
-spec replaced(device(), Gone :: [device()]) -> ok.
replaced(New, Gone) ->
    Ends = [{Device, why(New, Device)} || Device <- Gone],
    lists:foreach(fun({Device, Why}) -> log_replaced(New, Device, Why) end, Ends),
    keep([End || {_, Why} = End <- Ends, Why =/= none]).

-spec account_removed(us(), [device()]) -> ok | {error, db_failure}.
account_removed(US, Devices) ->
    lists:foreach(fun(Device) -> log(Device, <<"the account is removed">>) end, Devices),
    (backend(US)):forget(US).

%% The latest first.
-spec list(us()) -> {ok, [removal()]} | {error, db_failure}.
list(US) ->
    Least = erlang:system_time(millisecond) - ?KEPT,
    case (backend(US)):lookup(US) of
        {ok, Removals} -> {ok, kept([R || #{removed_at := At} = R <- Removals, At >= Least],
                                    ?MAX_PER_OWNER)};
        Error -> Error
    end.

-spec init_store(Host :: binary(), gen_mod:opts()) -> ok.
init_store(Host, Opts) ->
    (beside(gen_mod:db_mod(Opts, push_devices))):init(Host, Opts).

%% Why a registration ended this device; none: it did not.
-spec why(New :: device(), Gone :: device()) -> binary() | none.
why(#{us := US, app := App, token := Token}, #{us := US, app := App, token := Token}) ->
    none;
why(#{us := US, device_id := Id}, #{us := US, device_id := Id}) when Id =/= <<>> ->
    <<"it has another token now">>;
why(#{us := US}, #{us := US}) ->
    <<"the account has too many devices">>;
why(_, _) ->
    <<"another account registered it">>.

%% The latest Max, the latest first.
-spec kept([removal()], Max :: pos_integer()) -> [removal()].
kept(Removals, Max) ->
    Order = fun(#{removed_at := A}, #{removed_at := B}) -> A >= B end,
    lists:sublist(lists:sort(Order, Removals), Max).

log_replaced(_New, _Device, none) ->
    ok;
log_replaced(#{us := US, token := Token}, #{us := From, token := Token}, _Why) ->
    ?INFO_MSG("Device ~ts moved from ~ts to ~ts",
              [push_events:short(Token), push_settings:owner(From), push_settings:owner(US)]);
log_replaced(_New, Device, Why) ->
    log(Device, Why).

log(#{us := US, token := Token}, Why) ->
    ?INFO_MSG("Device ~ts of ~ts is removed: ~ts",
              [push_events:short(Token), push_settings:owner(US), Why]).

keep(Ends) ->
    Now = erlang:system_time(millisecond),
    Owners = maps:groups_from_list(fun({#{us := US}, _}) -> US end, Ends),
    maps:foreach(fun({_, Host} = US, Own) ->
        case push_settings:get(Host) of
            {ok, _} -> keep(US, [removal(Device, Why, Now) || {Device, Why} <- Own]);
            %% A vhost that has not the module here, and no store that could be asked.
            none -> ok
        end
    end, Owners).

keep(US, Removals) ->
    case (backend(US)):add(US, Removals, ?MAX_PER_OWNER) of
        {ok, Dropped} -> push_counters:add(removals_dropped, Dropped);
        {error, db_failure} -> push_counters:add(removals_dropped, length(Removals))
    end.

removal(#{us := {_, Host} = US, app := App, token := Token, kind := Kind, device_id := Id,
          name := Name} = Device, Why, Now) ->
    #{us => US, app => App, token => push_events:short(Token), kind => Kind, device_id => Id,
      name => Name, node => push_devices:node(push_settings:mac_key(Host), Device),
      removed_at => Now, why => Why}.

backend(Where) ->
    beside(push_devices:backend(Where)).

%% In the store that has the devices.
beside(push_devices_mnesia) -> push_removals_mnesia;
beside(push_devices_sql) -> push_removals_sql.

%%% What is too old

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

-spec expire() -> ok.
expire() ->
    gen_server:call(?MODULE, expire, ?EXPIRE_TIMEOUT).

-spec init([]) -> {ok, none}.
init([]) ->
    ok = later(),
    {ok, none}.

-spec handle_call(term(), gen_server:from(), none) -> {reply, ok, none}.
handle_call(expire, _From, State) ->
    {reply, expire_all(), State};
handle_call(Request, _From, State) ->
    ?WARNING_MSG("Unexpected call: ~p", [Request]),
    {reply, ok, State}.

-spec handle_cast(term(), none) -> {noreply, none}.
handle_cast(Msg, State) ->
    ?WARNING_MSG("Unexpected cast: ~p", [Msg]),
    {noreply, State}.

-spec handle_info(term(), none) -> {noreply, none}.
handle_info(expire, State) ->
    ok = expire_all(),
    ok = later(),
    {noreply, State};
handle_info(Info, State) ->
    ?WARNING_MSG("Unexpected message: ~p", [Info]),
    {noreply, State}.

later() ->
    _ = erlang:send_after(?EXPIRE_INTERVAL, self(), expire),
    ok.

expire_all() ->
    Before = erlang:system_time(millisecond) - ?KEPT,
    lists:foreach(fun({Host, _}) -> expire(Host, Before) end, push_settings:hosts()).

expire(Host, Before) ->
    case (backend(Host)):expire(Host, Before, ?BATCH) of
        more -> expire(Host, Before);
        %% The next look finds what stayed.
        _ -> ok
    end.
